"""Teachers and the targets that are made of their embeddings."""

import numpy as np
import pytest

from deepsort_reid.reid.training.teacher import Teachers, TeacherTargets
from deepsort_reid.vision.embedder import Embedder
from tests.reid.colour_teacher import write_teacher


def embeddings(count, dims, seed=0):
    """Unit rows for each teacher; some directions have more variance than others."""
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((count, dim)) * np.linspace(1, 0.05, dim) + 0.3 for dim in dims]
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    return np.concatenate(unit, 1).astype(np.float32)


def joined(embedding, dims):
    """Centred unit rows of each teacher side by side, of unit length."""
    ends = np.cumsum(dims)[:-1]
    parts = np.split(embedding - embedding.mean(0), ends, axis=1)
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    return np.concatenate(unit, 1) / len(dims) ** 0.5


def test_teachers_embed_rgb_images_as_embedder_embeds_bgr_crops(tmp_path):
    paths = [write_teacher(tmp_path / "a.onnx", 5), write_teacher(tmp_path / "b.onnx", 7, seed=1)]
    images = np.random.default_rng(0).integers(0, 256, (6, 40, 20, 3), np.uint8)
    teachers = Teachers(paths, threads=1)
    assert teachers.dims == (5, 7)
    rows = teachers(images)
    bgr = list(np.ascontiguousarray(images[..., ::-1]))
    expected = [Embedder(path, threads=1).embed_crops(bgr) for path in paths]
    assert np.array_equal(rows, np.concatenate(expected, 1))


def test_embedding_that_is_not_finite_is_rejected(tmp_path):
    teachers = Teachers([write_teacher(tmp_path / "a.onnx", 5)], threads=1)
    teachers._embedders[0].embed_crops = lambda crops: np.zeros((len(crops), 5), np.float32)
    with pytest.raises(ValueError, match=r"a\.onnx: expected finite .* none for 2 of 2 images"):
        teachers(np.zeros((2, 8, 8, 3), np.uint8))


@pytest.mark.parametrize("dims", [(64,), (64, 32)])
def test_targets_as_long_as_the_embeddings_have_their_centred_cosines(dims):
    embedding = embeddings(50, dims)
    targets = TeacherTargets.fit(embedding, dims, sum(dims))
    rows, expected = targets(embedding), joined(embedding, dims)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(50), abs=1e-6)
    assert np.allclose(rows, expected, atol=1e-5)
    assert targets.kept_share(embedding) == pytest.approx(1, abs=1e-5)


def test_shorter_targets_are_the_first_principal_directions():
    embedding = embeddings(300, (64, 32))
    targets = TeacherTargets.fit(embedding, (64, 32), 40)
    rows, full = targets(embedding), joined(embedding, (64, 32))
    assert rows.shape == (300, 40)
    _, values, directions = np.linalg.svd(full)
    share = np.square(values[:40]).sum() / np.square(values).sum()
    assert targets.kept_share(embedding) == pytest.approx(share, abs=1e-4)
    expected = full @ directions[:40].T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(rows @ rows.T, expected @ expected.T, atol=1e-3)
    assert np.allclose(targets.basis.T @ targets.basis, np.eye(40), atol=1e-5)


def test_fewer_crops_than_dimensions_are_enough():
    embedding = embeddings(10, (64,))
    rows = TeacherTargets.fit(embedding, (64,), 32)(embedding)
    full = joined(embedding, (64,))
    assert np.allclose(rows @ rows.T, full @ full.T, atol=1e-4)


def test_targets_are_saved_and_loaded(tmp_path):
    embedding = embeddings(50, (16, 8))
    targets = TeacherTargets.fit(embedding, (16, 8), 12)
    targets.save(tmp_path / "targets.npz")
    assert np.array_equal(
        TeacherTargets.load(tmp_path / "targets.npz")(embedding), targets(embedding)
    )


def test_longer_targets_than_embeddings_are_rejected():
    with pytest.raises(ValueError, match="expected at most 24, that of the teacher, got 25"):
        TeacherTargets.fit(embeddings(50, (16, 8)), (16, 8), 25)
