"""Views on disk: written once, continued, refused for other crops."""

import errno

import numpy as np
import pytest

from deepsort_reid.reid.training import view_store
from deepsort_reid.reid.training.view_store import ViewStore


class MeanColours:
    """Teacher in the place of networks: the mean colour as a unit row."""

    paths, dims = (), (3,)

    def __init__(self):
        self.num_images = 0

    def __call__(self, images):
        self.num_images += len(images)
        rows = images.reshape(len(images), -1, 3).mean(1) + 1
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(view_store, "SHARD_SIZE", 16)


def images(count=5, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 24, 12, 3), np.uint8)


def store(folder, crops=None, held_out=None, count=40, seed=0):
    crops = images() if crops is None else crops
    return ViewStore(
        folder, crops, images(2, 1) if held_out is None else held_out, count=count, seed=seed
    )


def test_views_are_stored_with_the_embeddings_of_the_teachers(tmp_path):
    views, teachers = store(tmp_path / "views"), MeanColours()
    assert not views.is_complete()
    views.make(teachers)
    assert views.is_complete()
    assert teachers.num_images == 40 + 5 + 2  # each image once
    stored = views.open()
    assert len(stored) == 40
    assert stored.shape == (40, 24, 12, 3)
    assert stored.dims == (3,)
    rows = np.array([39, 0, 17, 17])
    assert stored[rows].shape == (4, 24, 12, 3)
    expected = MeanColours()(stored[np.arange(40)])
    assert np.allclose(stored.teacher_embedding, expected, atol=1e-3)
    assert np.allclose(stored.crop_embedding, MeanColours()(images()), atol=1e-3)
    assert np.allclose(stored.held_out_embedding, MeanColours()(images(2, 1)), atol=1e-3)
    assert np.bincount(stored.crop).tolist() == [8] * 5
    assert 0 < stored.is_same.sum() < 40
    assert sum(path.stat().st_size for path in (tmp_path / "views").glob("????.npy")) == (
        views.num_bytes + 3 * 128  # headers
    )


def test_store_without_held_out_images(tmp_path):
    views = store(tmp_path / "views", held_out=images(0))
    views.make(MeanColours())
    assert views.open().held_out_embedding.shape == (0, 3)


def test_interrupted_making_is_continued_with_the_same_views(tmp_path):
    class Interrupted(MeanColours):
        def __call__(self, crops):
            if self.num_images > 20:
                raise KeyboardInterrupt
            return super().__call__(crops)

    whole, stopped = store(tmp_path / "whole"), store(tmp_path / "stopped")
    whole.make(MeanColours())
    with pytest.raises(KeyboardInterrupt):
        stopped.make(Interrupted())
    assert not stopped.is_complete()
    rest = MeanColours()
    stopped.make(rest)
    assert rest.num_images == 40 - 16
    rows = np.arange(40)
    assert np.array_equal(whole.open()[rows], stopped.open()[rows])


def test_processes_share_the_work(tmp_path):
    one, two = store(tmp_path / "one"), store(tmp_path / "two")
    one.make(MeanColours())
    counts = []
    for part in (1, 0):
        teachers = MeanColours()
        two.make(teachers, part=part, num_parts=2)
        counts.append(teachers.num_images)
    assert counts == [16, 24 + 7]
    assert np.array_equal(one.open()[np.arange(40)], two.open()[np.arange(40)])


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({"crops": images(seed=5)}, "images"),
        ({"held_out": images(3)}, "held-out images"),
        ({"count": 50}, "number of views"),
        ({"seed": 1}, "seed"),
        ({"crops": images().reshape(5, 12, 24, 3)}, "size"),
    ],
)
def test_views_of_other_crops_or_options_are_rejected(tmp_path, changes, other):
    store(tmp_path / "views").make(MeanColours())
    changed = store(tmp_path / "views", **changes)
    for action in (changed.is_complete, lambda: changed.make(MeanColours())):
        with pytest.raises(ValueError, match=f"views: holds views with other {other}; choose"):
            action()


def test_views_of_another_teacher_are_rejected(tmp_path):
    store(tmp_path / "views").make(MeanColours())
    other = MeanColours()
    other.paths = (tmp_path / "teacher.onnx",)
    other.paths[0].write_bytes(b"another")
    with pytest.raises(ValueError, match="holds views with other teachers; choose"):
        store(tmp_path / "views").make(other)


def test_too_little_space_is_reported_before_the_views_are_made(tmp_path, monkeypatch):
    class Usage:
        free = 10_000

    monkeypatch.setattr(view_store.shutil, "disk_usage", lambda folder: Usage)
    teachers = MeanColours()
    with pytest.raises(ValueError, match=r"the views need 0\.00 GB, 0\.00 GB are free: use fewer"):
        store(tmp_path / "views").make(teachers)
    assert teachers.num_images == 0


def test_disk_that_fills_up_keeps_what_is_complete(tmp_path, monkeypatch):
    original = view_store.np.save

    def disk_full(file, array):
        if "0001" in getattr(file, "name", ""):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(file, array)

    monkeypatch.setattr(view_store.np, "save", disk_full)
    with pytest.raises(OSError, match=r"cannot write .*0001\.npy \(No space left on device\)"):
        store(tmp_path / "views").make(MeanColours())
    monkeypatch.undo()
    monkeypatch.setattr(view_store, "SHARD_SIZE", 16)
    rest = MeanColours()
    store(tmp_path / "views").make(rest)
    assert rest.num_images == 40 - 16
