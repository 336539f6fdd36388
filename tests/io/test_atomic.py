"""Atomic writing: whole files, and unchanged old files after an error."""

import errno
import os
from pathlib import Path

import pytest

from deepsort_reid.io.atomic import open_atomically, write_atomically


@pytest.mark.parametrize("content", [b"bytes\r\n\x00", "text of ä\nwith its line ends\r\n"])
def test_bytes_and_text_are_written_as_given(content, tmp_path):
    path = tmp_path / "file"
    write_atomically(path, "an older and longer content")
    write_atomically(path, content)
    expected = content if isinstance(content, bytes) else content.encode("utf-8")
    assert path.read_bytes() == expected
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_reported_and_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "last.pt"
    path.write_bytes(b"old")

    def write_half():
        with open_atomically(path) as file:
            file.write(b"ne")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"cannot write .*last\.pt \(No space left on device\)"):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_interrupted_write_leaves_only_the_old_file(error, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half():
        with open_atomically(path) as file:
            file.write(b"ne")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_is_an_os_error_that_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"cannot write .*absent.*file\.txt"):
        write_atomically(tmp_path / "absent" / "file.txt", "text")


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot force a folder to the disk")
def test_content_is_forced_to_the_disk_before_the_name_and_the_name_after_it(tmp_path, monkeypatch):
    steps, fsync, replace = [], os.fsync, Path.replace

    def recorded_fsync(descriptor):
        status = os.fstat(descriptor)
        steps.append((status.st_ino, status.st_size if status.st_ino != folder else None))
        fsync(descriptor)

    def recorded_replace(path, target):
        steps.append("replace")
        return replace(path, target)

    folder = tmp_path.stat().st_ino
    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    write_atomically(tmp_path / "file", b"12345")
    assert steps == [((tmp_path / "file").stat().st_ino, 5), "replace", (folder, None)]
    steps.clear()
    write_atomically(tmp_path / "file", b"123", sync=False)
    assert steps == ["replace"]
