"""Distillation of the embedder: views, targets, initialisation of the student, training."""

import sys

import cv2
import numpy as np
import pytest
import torch
import torch.distributed as dist

from benchmarks import distill_embedder, distillation_views
from benchmarks.distillation_views import Crops
from benchmarks.lib.distillation_student import Targets, fit_head, new_student
from deepsort_reid import Embedder
from deepsort_reid.reid.models.pooling import REGIONS, region_weights

NUM_IDENTITIES = distillation_views.HELD_OUT_IDENTITIES + 16


@pytest.fixture
def market(tmp_path):
    """Two crops of each of a few identities, named as in Market-1501."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "market" / "bounding_box_train"
    folder.mkdir(parents=True)
    for identity in range(NUM_IDENTITIES):
        colours = rng.integers(0, 256, (8, 4, 3), np.uint8)
        for camera in (1, 2):
            image = cv2.resize(colours, (64, 128), interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(folder / f"{identity + 1:04d}_c{camera}s1_000001_00.jpg"), image)
    return tmp_path / "market"


def make_colour_teachers(models, threads):
    """Two teachers that embed by fixed random projections of the mean colours of a grid."""
    maps = np.random.default_rng(1).standard_normal((2, 96, 256)).astype(np.float32)

    def embed(images):
        grids = np.stack(
            [cv2.resize(image, (4, 8), interpolation=cv2.INTER_AREA) for image in images]
        )
        cells = np.einsum("nhwc,rhw->nrhwc", grids / 255, region_weights(8, 4))
        regions = np.stack([cells.reshape(len(grids), REGIONS, -1) @ each for each in maps], 1)
        embedding = regions.sum(2)
        norm = np.linalg.norm(embedding, axis=2, keepdims=True)
        regions, embedding = regions / norm[..., None], embedding / norm
        return embedding.reshape(len(grids), -1).astype(np.float16), regions.astype(np.float16)

    return embed


@pytest.fixture
def views(market, tmp_path, monkeypatch):
    """Folder with two small training shards and a held-out shard."""
    monkeypatch.setattr(distillation_views, "Teachers", make_colour_teachers)
    monkeypatch.setattr(distillation_views, "SHARD_SIZE", 96)
    monkeypatch.setattr(distillation_views, "STREETS", (100,))
    folder = tmp_path / "views"
    command = [str(market), "--teachers", "a.xml", "b.xml", "--out", str(folder), "--shards", "2"]
    distillation_views.main(command)
    return folder


def test_held_out_identities_are_in_no_training_shard(views):
    crops, embedding = distillation_views.read_crops(views / "crops.npz")
    assert embedding.shape == (len(crops.image), 512)
    assert len(np.unique(crops.identity[crops.held_out])) == distillation_views.HELD_OUT_IDENTITIES
    assert crops.held_out[np.load(views / "held_out" / "crop.npy")].all()
    for shard in ("0000", "0001"):
        assert not crops.held_out[np.load(views / shard / "crop.npy")].any()
        assert np.load(views / shard / "view.npy").shape == (96, 160, 80, 3)
    first, second = (np.load(views / shard / "view.npy") for shard in ("0000", "0001"))
    assert (first != second).any()


def test_finished_shards_are_not_made_again(views, market, capsys):
    capsys.readouterr()
    command = [str(market), "--teachers", "a.xml", "b.xml", "--out", str(views), "--shards", "3"]
    distillation_views.main(command)
    assert capsys.readouterr().out.splitlines()[1:] == ["0002: 96 views"]


def test_crops_of_different_sources_share_no_identity_and_no_track():
    image = np.zeros((2, 128, 64, 3), np.uint8)
    number, yes = np.array([0, 1]), np.ones(2, np.bool_)
    joined = distillation_views._concatenate([Crops(image, number, number, yes, number)] * 2)
    assert joined.identity.tolist() == joined.track.tolist() == [0, 1, 2, 3]


def test_targets_are_unit_rows_that_preserve_the_centred_cosines():
    rng = np.random.default_rng(0)
    per_teacher = (rng.standard_normal((600, 2, 256)) * np.linspace(1, 0.05, 256)).astype(
        np.float32
    )
    per_teacher /= np.linalg.norm(per_teacher, axis=2, keepdims=True)
    embedding = per_teacher.reshape(600, -1).astype(np.float16)
    regions = np.zeros((1, 2, REGIONS, 256), np.float16)
    rows = Targets(embedding, regions)(embedding)
    assert rows.shape == (600, 384)
    assert torch.allclose(rows.norm(dim=1), torch.ones(600), atol=1e-5)
    centred = torch.from_numpy(per_teacher - per_teacher.mean(0))
    joined = torch.nn.functional.normalize(centred, dim=2).flatten(1) / 2**0.5
    assert torch.allclose(rows @ rows.T, joined @ joined.T, atol=0.05)


def test_contributions_of_the_regions_add_up_to_the_targets():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (500, 8, 4, 3), np.uint8)
    embedding, regions = make_colour_teachers([], 1)(images)
    targets = Targets(embedding, regions)
    parts = targets.regions(embedding, regions)
    assert parts.shape == (500, REGIONS, 384)
    assert torch.allclose(parts.sum(1), targets(embedding), atol=1e-3)


def test_missing_openvino_is_reported_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModuleNotFoundError, match="pip install openvino"):
        distillation_views.Teachers([], threads=1)


def test_initialised_head_is_close_to_its_targets():
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (48, 3, 160, 80), np.uint8))
    regions = torch.randn(48, REGIONS, 384, generator=torch.manual_seed(0))
    target = torch.nn.functional.normalize(regions.sum(1))
    student = new_student()
    with torch.inference_mode():
        student.train()(images)
    fit_head(student, images, regions, ridge=1e-3)
    with torch.inference_mode():
        assert (student.eval().embed(images) * target).sum(1).mean() > 0.9


@pytest.mark.slow
def test_short_training_is_saved_resumed_and_exported(views, tmp_path, monkeypatch, capsys):
    for key, value in (("RANK", 0), ("WORLD_SIZE", 1), ("MASTER_PORT", 0)):
        monkeypatch.setenv(key, str(value))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setattr(distill_embedder, "REPORT_EVERY", 0.0)
    out, threads = tmp_path / "run", torch.get_num_threads()
    try:
        distill_embedder.main([str(views), "--out", str(out), "--minutes", "0.03"])
        assert "M images" in capsys.readouterr().out
        embedder = Embedder(out / "embedder.onnx")
        assert (embedder.input_size, embedder.embedding_dim) == ((160, 80), 384)
        before = torch.load(out / "last.pt", weights_only=True)
        longer = before["elapsed"] / 60 + 0.05
        distill_embedder.main([str(views), "--out", str(out), "--minutes", f"{longer}"])
        assert (
            torch.load(out / "last.pt", weights_only=True)["num_images"] > before["num_images"] > 0
        )
    finally:
        torch.set_num_threads(threads)
        if dist.is_initialized():
            dist.destroy_process_group()
