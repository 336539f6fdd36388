"""Extraction of crops: selection of boxes, files and manifest."""

import csv

import numpy as np
import pytest

from deepsort_reid.reid.data.crop_extraction import (
    CropConfig,
    CropCounts,
    estimate_visibility,
    extract_crops,
    occlusion_preview,
    select_pedestrians,
)
from deepsort_reid.reid.data.datasets import read_crop, read_identity_folders
from deepsort_reid.structures.mot_rows import MotRows
from tests.reid import synthetic_sequence

SMALL = {"height": 32, "width": 16, "min_height": 10}


def crop(folder, rows=None, frames=None, **config):
    return extract_crops(
        synthetic_sequence.frames() if frames is None else frames,
        synthetic_sequence.truth() if rows is None else rows,
        "street",
        folder,
        CropConfig(**SMALL | config),
    )


def manifest(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_identity_gets_a_folder_of_its_crops(tmp_path):
    counts = crop(tmp_path)
    assert counts == CropCounts(
        written=32, identities=frozenset(("street_0001", "street_0002", "street_0003"))
    )
    samples = read_identity_folders(tmp_path)
    assert len(samples) == 32
    for sample in samples:
        colour = synthetic_sequence.COLOURS[int(sample.identity[-4:])]
        image = read_crop(sample.path)
        assert image.shape == (32, 16, 3)
        # JPEG changes a uniform colour by a few levels.
        assert np.abs(image.astype(int) - colour).max() < 12


def test_manifest_has_the_source_of_each_crop(tmp_path):
    crop(tmp_path)
    row = next(r for r in manifest(tmp_path) if r["file"] == "street_0002/street_0002_000004.jpg")
    assert [row[k] for k in ("identity", "sequence", "frame", "track")] == [
        "street_0002",
        "street",
        "4",
        "2",
    ]
    assert [float(row[k]) for k in "xywh"] == [102, 30, 16, 40]
    assert (float(row["visibility"]), row["occluded"]) == (1, "0")
    sample = next(
        s for s in read_identity_folders(tmp_path) if s.path.name.endswith("2_000004.jpg")
    )
    assert (sample.frame, sample.track) == (4, "street/2")


def test_occluded_and_small_boxes_are_skipped_and_counted(tmp_path):
    rows = MotRows(
        [1, 1, 1],
        [1, 2, 3],
        [[10, 10, 30, 60], [40, 10, 60, 60], [80, 10, 90, 19]],
        visibility=[0.2, 0.9, 1.0],
    )
    frame = np.zeros((synthetic_sequence.HEIGHT, synthetic_sequence.WIDTH, 3), np.uint8)
    counts = crop(tmp_path, rows, [(1, frame)], min_visibility=0.5)
    assert (counts.written, counts.low_visibility, counts.too_small) == (1, 1, 1)
    assert counts.identities == {"street_0002"}


def test_missing_visibility_is_estimated_from_boxes_in_front():
    behind, in_front, beside = [0, 0, 16, 32], [8, 0, 24, 33], [100, 0, 116, 32]
    assert estimate_visibility(np.array([behind, in_front, beside], float), 200, 100).tolist() == [
        0.5,
        1,
        1,
    ]


def test_area_outside_the_frame_is_not_visible():
    half_outside, outside = [-8, 0, 8, 32], [300, 0, 316, 32]
    assert estimate_visibility(np.array([half_outside, outside], float), 200, 100).tolist() == [
        0.5,
        0,
    ]


def test_margin_enlarges_the_crop_up_to_the_frame_border(tmp_path):
    rows = synthetic_sequence.truth()
    crop(tmp_path, rows[(rows.frame == 1) & (rows.id == 1)], margin=0.5)
    image = read_crop(tmp_path / "street_0001" / "street_0001_000001.jpg").astype(int)
    assert np.abs(image[:4] - 128).max() < 12
    assert np.abs(image[14:18, 7:9] - synthetic_sequence.COLOURS[1]).max() < 12


def test_every_nth_frame_is_counted_from_the_first(tmp_path):
    crop(tmp_path, every=5)
    assert {int(row["frame"]) for row in manifest(tmp_path)} == {1, 6, 11}


def test_noise_occlusion_adds_a_copy_of_each_crop(tmp_path):
    counts = crop(tmp_path, noise_occlusion=True)
    rows = manifest(tmp_path)
    assert counts.written == 32
    assert sum(row["occluded"] == "1" for row in rows) == 32
    original = read_crop(tmp_path / "street_0003" / "street_0003_000007.jpg").astype(int)
    occluded = read_crop(tmp_path / "street_0003" / "street_0003_000007_occluded.jpg")
    changed = (np.abs(occluded - original) > 30).any(axis=2).mean()
    assert 0.03 < changed < 0.5
    assert occlusion_preview(tmp_path, pairs=4).shape == (2 * 192, 4 * 96, 3)


def test_noise_depends_only_on_the_seed(tmp_path):
    name = "street_0003/street_0003_000007_occluded.jpg"
    read = {}
    for folder, seed, every in (("a", 1, 1), ("b", 1, 6), ("c", 2, 1)):
        crop(tmp_path / folder, noise_occlusion=True, seed=seed, every=every)
        read[folder] = (tmp_path / folder / name).read_bytes()
    assert read["a"] == read["b"] != read["c"]


def test_labels_beyond_the_last_frame_raise_and_keep_the_written_crops(tmp_path):
    short = list(synthetic_sequence.frames())[:8]
    with pytest.raises(ValueError, match=r"labels go to frame 12 but the video ends after 8"):
        crop(tmp_path, frames=short)
    assert max(int(row["frame"]) for row in manifest(tmp_path)) == 8


def test_select_pedestrians_keeps_pedestrians_marked_for_evaluation():
    box = [[0, 0, 10, 10]] * 4
    rows = MotRows([1] * 4, [1, 2, 3, 4], box, score=[1, 0, 1, 1], class_id=[1, 1, 3, -1])
    assert select_pedestrians(rows).id.tolist() == [1, 4]


def test_preview_without_occluded_copies_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="extract them with noise occlusion first"):
        occlusion_preview(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 4}, "at least 8 px a side, got 4x192"),
        ({"min_visibility": 1.5}, r"in \[0, 1\], got 1.5"),
        ({"margin": -0.1}, "margin >= 0"),
        ({"every": 0}, "every >= 1"),
    ],
)
def test_settings_out_of_range_are_rejected(change, message):
    with pytest.raises(ValueError, match=message):
        CropConfig(**change)
