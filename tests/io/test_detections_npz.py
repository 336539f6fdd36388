"""Detections in .npz files: written and read back, defaults, and frames without detections."""

import numpy as np
import pytest

from deepsort_reid.io.detections_npz import read_detections_npz, write_detections_npz
from deepsort_reid.structures.detections import Detections

FRAMES = 4


def write_npz(path, **changed):
    """Two detections in each of four frames; None leaves an array out."""
    arrays = {
        "frame": np.repeat(np.arange(1, FRAMES + 1), 2),
        "xyxy": np.tile([[0.0, 0.0, 10.0, 20.0], [5.0, 0.0, 15.0, 20.0]], (FRAMES, 1)),
        "score": np.full(2 * FRAMES, 0.7),
        "embedding": np.tile(np.eye(4, dtype=np.float16)[:2], (FRAMES, 1)),
        **changed,
    }
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.mark.parametrize("compress", [False, True])
def test_written_detections_are_read_back(compress, tmp_path):
    first = Detections([[0, 0, 10, 20], [5, 0, 15, 20]], [0.9, 0.4], [0, 3], np.eye(4)[:2])
    third = Detections([[1, 0, 11, 20]], [0.8], [1], np.eye(4)[2:3])
    path = tmp_path / "found.npz"
    write_detections_npz(path, [(1, first), (2, Detections.empty()), (3, third)], compress=compress)
    frames = read_detections_npz(path, None).frames
    assert [len(found) for found in frames] == [2, 0, 1]
    for found, expected in ((frames[0], first), (frames[2], third)):
        np.testing.assert_array_equal(found.xyxy, expected.xyxy)
        np.testing.assert_array_equal(found.score, expected.score)
        np.testing.assert_array_equal(found.class_id, expected.class_id)
        np.testing.assert_array_equal(found.embedding, expected.embedding)
    assert list(tmp_path.iterdir()) == [path]


def test_embeddings_are_written_only_when_every_detection_has_one(tmp_path):
    embedded = Detections([[0, 0, 10, 20]], [0.9], [0], np.eye(4)[:1])
    plain = Detections([[0, 0, 10, 20]], [0.9])
    write_detections_npz(tmp_path / "found.npz", [(1, embedded), (2, plain)])
    assert read_detections_npz(tmp_path / "found.npz", None).frames[0].embedding is None


def test_no_detections_give_empty_frames(tmp_path):
    write_detections_npz(tmp_path / "none.npz", [])
    assert [len(found) for found in read_detections_npz(tmp_path / "none.npz", 2).frames] == [0, 0]


def test_classes_are_read_and_are_0_when_missing(tmp_path):
    path = write_npz(tmp_path / "SEQ.npz", class_id=np.tile([3, 5], FRAMES))
    frames = read_detections_npz(path, FRAMES + 2).frames
    assert [found.class_id.tolist() for found in frames] == [[3, 5]] * FRAMES + [[], []]
    path = write_npz(tmp_path / "SEQ.npz")
    assert read_detections_npz(path, None).frames[0].class_id.tolist() == [0, 0]


def test_embeddings_are_normalised_to_unit_length(tmp_path):
    path = write_npz(tmp_path / "SEQ.npz", embedding=np.full((2 * FRAMES, 3), 0.5, np.float16))
    norm = np.linalg.norm(read_detections_npz(path, None).frames[0].embedding, axis=1)
    np.testing.assert_allclose(norm, 1, atol=1e-6)


def test_digest_depends_on_the_arrays_only(tmp_path):
    first = read_detections_npz(write_npz(tmp_path / "a.npz"), None).digest
    assert read_detections_npz(write_npz(tmp_path / "b.npz"), 9).digest == first
    changed = write_npz(tmp_path / "b.npz", score=np.full(2 * FRAMES, 0.6))
    assert read_detections_npz(changed, None).digest != first


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"score": None}, "score"),
        ({"xyxy": np.zeros((3, 4))}, r"xyxy has shape \(3, 4\), frame \(8,\)"),
        ({"frame": np.arange(8)}, "frame must be a whole number from 1, got 0"),
        ({"score": np.full(8, np.nan)}, "frame 1: "),
    ],
)
def test_missing_or_invalid_arrays_are_named_with_the_file(changed, message, tmp_path):
    with pytest.raises(ValueError, match=rf"SEQ\.npz: .*{message}"):
        read_detections_npz(write_npz(tmp_path / "SEQ.npz", **changed), None)
