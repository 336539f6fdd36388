"""Detections that are written frame by frame, and the .npz made of them."""

import numpy as np
import pytest

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.io.detection_writer import EMBEDDINGS, NPZ, ROWS, TEXT, DetectionWriter
from deepsort_reid.io.detections_npz import read_detections_npz
from deepsort_reid.io.mot import write_rows
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows


def detections(seed, embedded=True):
    rng = np.random.default_rng(seed)
    n = seed % 4
    left = rng.uniform(0, 100, (n, 2))
    xyxy = np.concatenate([left, left + rng.uniform(1, 50, (n, 2))], axis=1)
    embedding = np.eye(8)[rng.integers(0, 8, n)] if embedded else None
    return Detections(xyxy, rng.uniform(0, 1, n), rng.integers(0, 3, n), embedding)


def write(folder, frames):
    writer = DetectionWriter(folder)
    for number, found in frames:
        writer.append(number, found, number / 10)
    writer.finish()
    return writer


def test_npz_holds_all_frames_and_zeros_where_there_is_no_embedding(tmp_path):
    frames = [(number, detections(number, embedded=number > 6)) for number in range(1, 20)]
    frames[9] = (10, detections(10, embedded=False))
    write(tmp_path, frames)
    saved = read_detections_npz(tmp_path / NPZ, 19)
    for (number, found), each in zip(frames, saved.frames, strict=True):
        np.testing.assert_array_equal(each.xyxy, found.xyxy)
        np.testing.assert_array_equal(each.score, found.score)
        np.testing.assert_array_equal(each.class_id, found.class_id)
        expected = np.zeros((len(found), 8)) if found.embedding is None else found.embedding
        np.testing.assert_array_equal(each.embedding, expected, err_msg=str(number))
    with np.load(tmp_path / NPZ) as stored:
        np.testing.assert_allclose(stored["time"], stored["frame"] / 10)


def test_text_equals_that_of_write_rows(tmp_path):
    frames = [(number, detections(number, embedded=False)) for number in range(1, 9)]
    write(tmp_path, frames)
    rows = MotRows.concatenate(
        MotRows(np.full(len(d), n), np.full(len(d), -1), d.xyxy, d.score, d.class_id)
        for n, d in frames
    )
    write_rows(tmp_path / "expected.txt", rows, "det")
    assert (tmp_path / TEXT).read_bytes() == (tmp_path / "expected.txt").read_bytes()
    assert not (tmp_path / NPZ).exists()


@pytest.mark.parametrize("embedded_from", [1, 4, 8])
@pytest.mark.parametrize("stop", [1, 5, 7])
def test_continued_files_equal_those_of_one_run(stop, embedded_from, tmp_path):
    frames = [(number, detections(number, number >= embedded_from)) for number in range(1, 16)]
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    write(tmp_path / "whole", frames)
    writer = DetectionWriter(tmp_path / "parts")
    for number, found in frames[:stop]:
        writer.append(number, found, number / 10)
    lengths = writer.lengths
    for number, found in frames[stop : stop + 4]:  # written after the checkpoint
        writer.append(number, found, number / 10)
    writer = DetectionWriter(tmp_path / "parts", lengths)
    for number, found in frames[stop:]:
        writer.append(number, found, number / 10)
    writer.finish()
    for name in (TEXT, ROWS, EMBEDDINGS):
        parts = (tmp_path / "parts" / name).read_bytes()
        assert parts == (tmp_path / "whole" / name).read_bytes(), name


def test_appended_file_removes_a_piece_that_could_not_be_written(tmp_path, monkeypatch):
    import os

    file = AppendedFile(tmp_path / "a.txt")
    file.append("whole\n")
    written, write = [], os.write

    def full(descriptor, data):
        if written:
            raise OSError(28, "No space left on device")
        written.append(write(descriptor, data[:3]))
        return written[0]

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        file.append("half of it\n")
    assert error.value.filename == str(tmp_path / "a.txt")
    monkeypatch.undo()
    assert (tmp_path / "a.txt").read_text() == "whole\n"
    file.append("next\n")
    file.close()
    assert (tmp_path / "a.txt").read_text() == "whole\nnext\n"
    with pytest.raises(ValueError, match=r"a\.txt: the file is closed"):
        file.append("more")


def test_appended_file_does_not_replace_and_does_not_invent(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        AppendedFile(tmp_path / "a.txt")
    with pytest.raises(ValueError, match="expected at least 9 bytes, as written before, got 4"):
        AppendedFile(tmp_path / "a.txt", 9)
    with pytest.raises(FileNotFoundError):
        AppendedFile(tmp_path / "b.txt", 9)
