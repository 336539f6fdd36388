"""Dataset readers and loading of images, on generated folders and on Market-1501."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepsort_reid.reid.data.datasets import (
    MANIFEST,
    MANIFEST_COLUMNS,
    Sample,
    load_images,
    read_crop,
    read_dataset,
    read_identity_folders,
    read_market1501,
    read_unlabelled,
)
from deepsort_reid.vision.crops import resize_crop


def write(path, colour=(10, 100, 200), height=16, width=8):
    """Write an image of one RGB colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((height, width, 3), colour[::-1], np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def test_identity_folders_are_read_in_order_of_name(tmp_path):
    for name in ("b/2.png", "b/10.png", "a/1.jpg", "a/._1.jpg", "a/notes.txt"):
        write(tmp_path / name) if not name.endswith("txt") else (tmp_path / name).write_text("x")
    samples = read_identity_folders(tmp_path)
    assert [(s.identity, s.path.name) for s in samples] == [
        ("a", "1.jpg"),
        ("b", "10.png"),
        ("b", "2.png"),
    ]
    assert {(s.camera, s.frame, s.track) for s in samples} == {(-1, -1, "")}


def test_manifest_with_names_that_are_no_formulas_is_read(tmp_path):
    write(tmp_path / "=a" / "x.png")
    lines = [",".join(MANIFEST_COLUMNS), "'=a/x.png,'=a,'-seq,17,3,1,2,3,4"]
    (tmp_path / MANIFEST).write_text("\n".join(lines))
    (known,) = read_identity_folders(tmp_path)
    assert (known.identity, known.frame, known.track) == ("=a", 17, "-seq/3")


def test_manifest_adds_frame_and_track(tmp_path):
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
        (",".join((*MANIFEST_COLUMNS, "mood")) + "\n", r"csv:1: .* unknown: mood"),
        (",".join((*MANIFEST_COLUMNS, "frame")) + "\n", r"csv:1: .* repeated: frame"),
        (",".join(MANIFEST_COLUMNS) + "\na/x.png,a,seq,soon,3,1,2,3,4\n", r"csv:2: .* 'soon'"),
    ],
)
def test_invalid_manifest_is_rejected_with_its_line(tmp_path, text, message):
    write(tmp_path / "a" / "x.png")
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_identity_folders(tmp_path)


def test_market1501_names_are_parsed(tmp_path):
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


def test_other_names_than_market1501_are_rejected(tmp_path):
    write(tmp_path / "holiday.jpg")
    with pytest.raises(ValueError, match=r"holiday\.jpg: expected a Market-1501 file name"):
        read_market1501(tmp_path)


def test_layout_of_a_dataset_is_detected(tmp_path):
    market, folders = tmp_path / "market", tmp_path / "folders"
    write(market / "bounding_box_train" / "0007_c1s1_000001_00.jpg")
    write(folders / "anna" / "1.jpg")
    write(folders / "occlusion_preview.png")
    assert [s.identity for s in read_dataset(market)] == ["0007"]
    assert [s.identity for s in read_dataset(market / "bounding_box_train")] == ["0007"]
    assert [s.identity for s in read_dataset(folders)] == ["anna"]


@pytest.mark.parametrize("part", ["img1/000001.jpg", "gt/gt.txt"])
def test_mot_sequences_are_rejected_with_the_crop_command(tmp_path, part):
    sequence = tmp_path / "mot" / "SEQ-01"
    (sequence / part).parent.mkdir(parents=True)
    (sequence / part).write_bytes(b"")
    for folder in (sequence, tmp_path / "mot"):
        with pytest.raises(ValueError, match=r"SEQ-01: a MOT sequence: run `deepsort-reid crop .*"):
            read_dataset(folder)


@pytest.mark.parametrize("read", [read_dataset, read_identity_folders, read_market1501])
def test_empty_and_missing_folders_are_rejected(tmp_path, read):
    with pytest.raises(ValueError, match="found no image"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: expected a folder of images, found none"):
        read(tmp_path / "nowhere")


def test_crops_are_read_as_bgr(tmp_path):
    image = read_crop(write(tmp_path / "ä.png", (10, 100, 200)))
    assert image.shape == (16, 8, 3)
    assert image[0, 0].tolist() == [200, 100, 10]


def damaged(folder):
    """Write unusable files; returns file name -> expected part of the message."""
    whole = write(folder / "whole.jpg", height=64, width=64).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_bytes(b"not an image")
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
        "tiny.png": "expected at least 8 px a side, got 3x16 px",
        "missing.jpg": "cannot be read",
    }


def test_unusable_image_is_rejected_with_its_name(tmp_path):
    for name, reason in damaged(tmp_path).items():
        with pytest.raises(ValueError, match=f"{name}: .*{reason}"):
            read_crop(tmp_path / name)


def test_unusable_images_are_skipped_and_reported(tmp_path):
    names = [*damaged(tmp_path), "whole.jpg"]
    images, kept, problems = load_images([Sample(tmp_path / n, n) for n in names], 32, 16)
    assert images.shape == (1, 32, 16, 3)
    assert [s.identity for s in kept] == ["whole.jpg"]
    assert [Path(p.split(": ")[0]).name for p in problems] == names[:-1]


def test_images_are_resized_as_in_the_embedder(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (70, 20, 3), np.uint8)
    path = tmp_path / "noise.png"
    path.write_bytes(cv2.imencode(".png", noise[..., ::-1])[1].tobytes())
    images, _, _ = load_images([Sample(path, "p")], 32, 48)
    np.testing.assert_array_equal(images[0], resize_crop(noise, (32, 48)))


@pytest.mark.data
def test_market1501_has_its_published_size(data_root):
    root = data_root / "reid" / "Market-1501-v15.09.15"
    train, query = read_dataset(root), read_market1501(root / "query")
    gallery = read_market1501(root / "bounding_box_test")
    assert (len(train), len({s.identity for s in train})) == (12936, 751)
    assert (len(query), len({s.identity for s in query})) == (3368, 750)
    assert len(gallery) == 19732
    assert sum(s.identity != "-1" for s in gallery) == 15913
    assert {s.camera for s in gallery} == {1, 2, 3, 4, 5, 6}


def test_images_of_unknown_people_are_read_from_all_subfolders(tmp_path):
    for name in ("10.png", "2.jpg", "b/c/1.png", "a/1.jpg", "a/._1.jpg"):
        write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    samples = read_unlabelled(tmp_path)
    names = [sample.path.relative_to(tmp_path).as_posix() for sample in samples]
    assert names == ["2.jpg", "10.png", "a/1.jpg", "b/c/1.png"]
    assert {(s.identity, s.camera, s.frame, s.track) for s in samples} == {("", -1, -1, "")}


def test_images_of_unknown_people_have_the_tracks_of_a_manifest(tmp_path):
    write(tmp_path / "7" / "1.png")
    row = {"file": "7/1.png", "identity": 7, "sequence": "s", "frame": 3, "track": 7}
    values = ",".join(str(row.get(name, 1)) for name in MANIFEST_COLUMNS)
    (tmp_path / MANIFEST).write_text(f"{','.join(MANIFEST_COLUMNS)}\n{values}\n")
    (sample,) = read_unlabelled(tmp_path)
    assert (sample.identity, sample.frame, sample.track) == ("", 3, "s/7")


def test_folder_without_images_of_people_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="expected images of people, found no image"):
        read_unlabelled(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected a folder of images"):
        read_unlabelled(tmp_path / "missing")
    write(tmp_path / "sequence" / "img1" / "000001.jpg")
    with pytest.raises(ValueError, match="sequence: a MOT sequence: run `deepsort-reid crop"):
        read_unlabelled(tmp_path)
