"""Parsing of seqinfo.ini."""

import pytest

from deepsort_reid.io.seqinfo import read_seqinfo


def write(folder, text):
    (folder / "seqinfo.ini").write_bytes(text.encode("utf-8-sig"))
    return read_seqinfo(folder)


def test_entries_are_read_with_keys_of_any_case(tmp_path):
    info = write(
        tmp_path,
        "[Sequence]\nname=100%\nIMDIR=frames\nframeRate=12.5\nseqLength=99\nimWidth=640\nimHeight=480",
    )
    assert info.image_folder == "frames"
    assert info.frame_rate == 12.5
    assert (info.length, info.width, info.height) == (99, 640, 480)


def test_missing_file_and_missing_entries_are_none(tmp_path):
    for info in (read_seqinfo(tmp_path), write(tmp_path, "[Sequence]\n")):
        assert info.image_folder == "img1"
        assert (info.frame_rate, info.length, info.width, info.height) == (None, None, None, None)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "many", ""])
def test_number_that_is_not_positive_is_rejected_when_it_is_read(value, tmp_path):
    info = write(tmp_path, f"[Sequence]\nimWidth={value}\nframeRate=7\n")
    assert info.frame_rate == 7
    with pytest.raises(
        ValueError, match=rf"seqinfo\.ini: imWidth: expected a positive number, got '{value}'"
    ):
        _ = info.width


@pytest.mark.parametrize("text", ["no section", "frameRate=7", "[Other]\nframeRate=7\n"])
def test_file_without_sequence_section_is_rejected(text, tmp_path):
    with pytest.raises(ValueError, match=r"seqinfo\.ini: expected a \[Sequence\] section"):
        write(tmp_path, text)


def test_binary_file_is_rejected(tmp_path):
    (tmp_path / "seqinfo.ini").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(ValueError, match=r"seqinfo\.ini: expected a \[Sequence\] section"):
        read_seqinfo(tmp_path)
