"""Detections in .npz files: written and read back, defaults, and frames without detections."""

import zipfile

import numpy as np
import pytest

from deepsort_reid.io import npz_sizes
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


def write_header(path, header, data=b""):
    """An .npz whose array `frame` has the given header, and whose other arrays are empty."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        text = header.encode()
        head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
        archive.writestr("frame.npy", head + data)
    return path


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }", b"1234"),
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (-1,), }", b""),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x04N."),
        ("{'descr': '<i8', 'fortran_order': False, 'shape': " + "(" * 5000, b""),
        ("{'descr': '<i8', 'shape': (1,), }", b""),
        ("nonsense", b""),
    ],
)
def test_header_that_does_not_fit_the_data_is_refused(header, data, tmp_path):
    path = write_header(tmp_path / "SEQ.npz", header, data)
    with pytest.raises(ValueError, match=r"SEQ\.npz: expected an \.npz with frame, xyxy, score"):
        read_detections_npz(path, None)


def test_array_that_is_far_larger_than_its_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "SEQ.npz"
    zeros = np.zeros(9 * 2**20)  # 72 MiB, in a file of 70 kB
    np.savez_compressed(path, frame=zeros, score=zeros, xyxy=np.zeros((1, 4)))
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(ValueError, match=r"SEQ\.npz: .*bytes of arrays in a file of \d+"):
        read_detections_npz(path, None)


@pytest.mark.parametrize(("share", "is_read"), [(0.9, True), (0.999, False)])
def test_rows_of_zeros_for_missing_embeddings_are_read_and_bombs_are_not(
    share, is_read, tmp_path, monkeypatch
):
    monkeypatch.setattr(npz_sizes, "_SMALL", 2**16)
    rng, n = np.random.default_rng(0), 5000
    embedding = rng.normal(size=(n, 64)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    embedding[rng.random(n) < share] = 0
    path = tmp_path / "SEQ.npz"
    corner = rng.uniform(0, 99, (n, 2)) if is_read else np.zeros((n, 2))
    xyxy = np.concatenate([corner, corner + 5], axis=1)
    frame = np.arange(1, n + 1) if is_read else np.ones(n)
    np.savez_compressed(path, frame=frame, score=np.ones(n), xyxy=xyxy, embedding=embedding)
    if is_read:
        assert len(read_detections_npz(path, None).frames) == n
    else:
        with pytest.raises(ValueError, match="bytes of arrays in a file of"):
            read_detections_npz(path, None)


def test_far_frame_number_is_refused_unless_the_length_is_known(tmp_path):
    frame = np.arange(1, 2 * FRAMES + 1)
    frame[-1] = 10**15
    path = write_npz(tmp_path / "SEQ.npz", frame=frame)
    with pytest.raises(ValueError, match=r"SEQ\.npz: expected frame numbers up to 10000000, got 1"):
        read_detections_npz(path, None)
    assert len(read_detections_npz(path, 4).frames) == 4


@pytest.mark.parametrize("damage", [slice(0, 200), slice(200, None)])
def test_damaged_file_is_refused(damage, tmp_path):
    path = write_npz(tmp_path / "SEQ.npz")
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 31):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            read_detections_npz(path, None)
        except ValueError as error:
            assert "SEQ.npz" in str(error)  # noqa: PT017  # many changes do no harm
    path.write_bytes(content[damage])
    with pytest.raises(ValueError, match=r"SEQ\.npz"):
        read_detections_npz(path, None)
