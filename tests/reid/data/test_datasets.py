"""Readers, splits, loading and occlusion, on folders made here and on the real Market-1501."""

import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepsort_reid.reid.data.datasets import (
    MANIFEST,
    MANIFEST_COLUMNS,
    Sample,
    add_noise_occlusion,
    load_images,
    occlusion_boxes,
    read_crop,
    read_dataset,
    read_identity_folders,
    read_market1501,
    split_by_identity,
    split_by_image,
    split_by_time,
)
from deepsort_reid.vision.crops import resize_crop


def write(path, colour=(10, 100, 200), height=16, width=8):
    """A picture of one colour, RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((height, width, 3), colour[::-1], np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def many(people=10, frames=40, step=5):
    """Samples without files: one track for each person."""
    return [
        Sample(f"{p}_{f}.jpg", f"p{p}", frame=f * step, track=f"seq/{p}")
        for p in range(people)
        for f in range(frames)
    ]


def test_identity_folders_give_one_person_for_each_folder(tmp_path):
    for name in ("b/2.png", "b/10.png", "a/1.jpg", "a/._1.jpg", "a/notes.txt"):
        write(tmp_path / name) if not name.endswith("txt") else (tmp_path / name).write_text("x")
    samples = read_identity_folders(tmp_path)
    assert [(s.identity, s.path.name) for s in samples] == [
        ("a", "1.jpg"),
        ("b", "10.png"),
        ("b", "2.png"),
    ]
    assert {(s.camera, s.frame, s.track) for s in samples} == {(-1, -1, "")}


def test_a_manifest_adds_frame_and_track(tmp_path):
    write(tmp_path / "a" / "x.png")
    write(tmp_path / "a" / "y.png")
    lines = [",".join(MANIFEST_COLUMNS), "a/x.png,a,seq,17,3,1,2,3,4"]
    (tmp_path / MANIFEST).write_text("\n".join(lines))
    known, unknown = read_identity_folders(tmp_path)
    assert (known.frame, known.track) == (17, "seq/3")
    assert (unknown.frame, unknown.track) == (-1, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,frame\n", r"manifest.csv:1: expected the columns"),
        (",".join(MANIFEST_COLUMNS) + "\na/x.png,a,seq,soon,3,1,2,3,4\n", r"csv:2: .* 'soon'"),
    ],
)
def test_a_manifest_that_does_not_parse_is_refused_with_its_line(tmp_path, text, message):
    write(tmp_path / "a" / "x.png")
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_identity_folders(tmp_path)


def test_market_names_tell_identity_camera_frame_and_track(tmp_path):
    for name in ("0002_c1s1_000451_03.jpg", "-1_c4s6_022316_11.jpg.jpg", "0000_c6s3_01_2.jpg"):
        write(tmp_path / name)
    junk, distractor, person = read_market1501(tmp_path)
    assert (junk.identity, junk.camera, junk.frame) == ("-1", 4, 22316)
    assert (distractor.identity, distractor.camera) == ("0000", 6)
    assert (person.identity, person.camera, person.frame, person.track) == (
        "0002",
        1,
        451,
        "0002_c1s1",
    )


def test_a_name_that_is_not_markets_is_refused(tmp_path):
    write(tmp_path / "holiday.jpg")
    with pytest.raises(ValueError, match=r"expected a Market-1501 name .*holiday\.jpg"):
        read_market1501(tmp_path)


def test_the_layout_decides_how_a_folder_is_read(tmp_path):
    market, folders = tmp_path / "market", tmp_path / "folders"
    write(market / "bounding_box_train" / "0007_c1s1_000001_00.jpg")
    write(folders / "anna" / "1.jpg")
    write(folders / "occlusion_preview.png")
    assert [s.identity for s in read_dataset(market)] == ["0007"]
    assert [s.identity for s in read_dataset(market / "bounding_box_train")] == ["0007"]
    assert [s.identity for s in read_dataset(folders)] == ["anna"]


@pytest.mark.parametrize("part", ["img1/000001.jpg", "gt/gt.txt"])
def test_a_mot_sequence_and_a_folder_of_them_are_to_be_cropped_first(tmp_path, part):
    sequence = tmp_path / "mot" / "SEQ-01"
    (sequence / part).parent.mkdir(parents=True)
    (sequence / part).write_bytes(b"")
    for folder in (sequence, tmp_path / "mot"):
        with pytest.raises(ValueError, match=r"SEQ-01: a MOT sequence: run `deepsort-reid crop .*"):
            read_dataset(folder)


@pytest.mark.parametrize("read", [read_dataset, read_identity_folders, read_market1501])
def test_an_empty_folder_and_a_missing_one_are_clear_errors(tmp_path, read):
    with pytest.raises(ValueError, match="found no image"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError, match="is not one"):
        read(tmp_path / "nowhere")


def test_a_split_by_identity_shares_no_person():
    train, validation = split_by_identity(many(), 0.3, seed=3)
    assert not {s.identity for s in train} & {s.identity for s in validation}
    assert len({s.identity for s in validation}) == 3
    assert len(train) + len(validation) == 400


@pytest.mark.parametrize(("people", "share", "held_out"), [(7, 0.2, 2), (4, 0.01, 2), (6, 0.9, 4)])
def test_a_split_by_identity_keeps_two_people_on_both_sides_of_the_cut(people, share, held_out):
    train, validation = split_by_identity(many(people), share)
    assert len({s.identity for s in validation}) == held_out
    assert len({s.identity for s in train}) == people - held_out


def test_a_split_by_identity_of_too_few_people_names_the_other_splits():
    with pytest.raises(ValueError, match=r"4 people, .*, got 3: take --split time .* --split none"):
        split_by_identity(many(people=3))


@pytest.mark.parametrize("gap", [0, 12, 50])
def test_a_split_by_time_never_brings_close_frames_of_a_track_to_both_sides(gap):
    train, validation = split_by_time(many(), 0.25, gap=gap, seed=1)
    assert validation
    for track in {s.track for s in validation}:
        ours = np.array([s.frame for s in train if s.track == track])
        theirs = np.array([s.frame for s in validation if s.track == track])
        assert np.abs(ours[:, None] - theirs).min() > gap


def test_a_split_by_time_keeps_copies_of_a_frame_together():
    twice = [Sample(f"{f}_{c}", "p", frame=f, track="t") for f in range(10) for c in "ab"]
    train, validation = split_by_time(twice, 0.25, gap=0)
    assert not {s.frame for s in train} & {s.frame for s in validation}


def test_a_track_too_short_for_the_gap_is_trained_on_whole():
    train, validation = split_by_time(many(people=1, frames=5, step=1), 0.2, gap=50)
    assert (len(train), len(validation)) == (5, 0)


def test_a_track_of_which_the_share_is_less_than_half_a_picture_is_trained_on_whole():
    train, validation = split_by_time(many(frames=2, step=100), 0.2, gap=0)
    assert (len(train), len(validation)) == (20, 0)


def test_a_split_by_time_without_frames_says_what_to_do():
    with pytest.raises(ValueError, match=r"a\.jpg has none; use crops with a manifest"):
        split_by_time([Sample("a.jpg", "p")])


def test_a_split_by_image_warns_that_it_leaks():
    with pytest.warns(UserWarning, match="overstates every score"):
        train, validation = split_by_image(many(), seed=5)
    assert (len(train), len(validation)) == (360, 40)


def test_splits_depend_on_the_seed_and_on_nothing_else():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for split in (split_by_identity, split_by_time, split_by_image):
            assert split(many(), 0.3, seed=1) == split(many(), 0.3, seed=1)
            assert split(many(), 0.3, seed=1) != split(many(), 0.3, seed=2)


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_by_identity(many(), share)


def test_crops_are_read_as_bgr(tmp_path):
    image = read_crop(write(tmp_path / "ä.png", (10, 100, 200)))
    assert image.shape == (16, 8, 3)
    assert image[0, 0].tolist() == [200, 100, 10]


def damaged(folder):
    """Name of a file -> what the message must say."""
    whole = write(folder / "whole.jpg", height=64, width=64).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_bytes(b"not a picture at all")
    write(folder / "tiny.png", height=16, width=3)
    header = b"IHDR" + struct.pack(">IIBBBBB", 10**6, 10**6, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    (folder / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + end)
    return {
        "huge.png": "cannot decode",
        "cut.jpg": "truncated",
        "empty.jpg": "an empty file",
        "text.jpg": "cannot decode",
        "tiny.png": "3x16 px is too small",
        "missing.jpg": "cannot be read",
    }


def test_a_picture_that_cannot_be_used_is_refused_by_name(tmp_path):
    for name, reason in damaged(tmp_path).items():
        with pytest.raises(ValueError, match=f"{name}: .*{reason}"):
            read_crop(tmp_path / name)


def test_pictures_that_cannot_be_used_are_left_out_and_told(tmp_path):
    names = [*damaged(tmp_path), "whole.jpg"]
    images, kept, problems = load_images([Sample(tmp_path / n, n) for n in names], 32, 16)
    assert images.shape == (1, 32, 16, 3)
    assert [s.identity for s in kept] == ["whole.jpg"]
    assert [Path(p.split(": ")[0]).name for p in problems] == names[:-1]


def test_pictures_are_resized_as_the_embedder_does_it(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (70, 20, 3), np.uint8)
    path = tmp_path / "noise.png"
    path.write_bytes(cv2.imencode(".png", noise[..., ::-1])[1].tobytes())
    images, _, _ = load_images([Sample(path, "p")], 32, 48)
    np.testing.assert_array_equal(images[0], resize_crop(noise, (32, 48)))


@pytest.mark.parametrize(("height", "width"), [(384, 192), (128, 64), (64, 64), (60, 200)])
def test_occlusions_have_the_area_and_the_ratio_asked_for(height, width):
    rng = np.random.default_rng(0)
    boxes = np.concatenate([occlusion_boxes(height, width, rng) for _ in range(300)])
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2] <= width).all()
    assert (boxes[:, 3] <= height).all()
    pixel = 0.5 * (w + h + 1)  # rounding a side by half a pixel
    assert (w * h >= 0.04 * height * width - pixel).all()
    assert (w * h <= 0.15 * height * width + pixel).all()
    assert (np.minimum(w, h) + 0.5 >= (np.maximum(w, h) - 0.5) / 3).all()
    assert (w > h).any()
    assert (h > w).any()


def test_occlusion_changes_three_rectangles_of_a_copy_and_nothing_else():
    image = np.full((128, 64, 3), 255, np.uint8)
    noisy = add_noise_occlusion(image, np.random.default_rng(4))
    assert (image == 255).all()
    inside = np.zeros((128, 64), bool)
    for left, top, right, bottom in occlusion_boxes(128, 64, np.random.default_rng(4), count=1):
        inside[top:bottom, left:right] = True
    assert (noisy != image).any(axis=2)[inside].mean() > 0.99
    assert 0.04 < (noisy != image).any(axis=2).mean() < 0.45


def test_noise_is_uniform_over_all_values():
    image = np.zeros((400, 300, 3), np.uint8)
    noisy = add_noise_occlusion(
        image, np.random.default_rng(0), count=1, area=(1, 1), ratio=(0.75, 0.75)
    )
    counts = np.bincount(noisy.ravel(), minlength=256)
    assert counts.min() > 0.8 * counts.mean()
    assert counts.max() < 1.2 * counts.mean()


@pytest.mark.data
def test_market1501_is_read_whole(data_root):
    root = data_root / "reid" / "Market-1501-v15.09.15"
    train, query = read_dataset(root), read_market1501(root / "query")
    gallery = read_market1501(root / "bounding_box_test")
    assert (len(train), len({s.identity for s in train})) == (12936, 751)
    assert (len(query), len({s.identity for s in query})) == (3368, 750)
    assert len(gallery) == 19732
    assert sum(s.identity != "-1" for s in gallery) == 15913
    assert {s.camera for s in gallery} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    "name",
    [
        "data.crop_extraction",
        "data.datasets",
        "evaluation.plots",
        "evaluation.report",
        "evaluation.retrieval",
        "person_search",
    ],
)
def test_only_training_needs_torch(name):
    script = f"import sys, deepsort_reid.reid.{name}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
