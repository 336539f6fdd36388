"""`crop` goes on after a stop or a kill, and its folder equals that of an uninterrupted command."""

import subprocess
import sys

import pytest

from deepsort_reid.cli.crop_progress import PROGRESS
from deepsort_reid.cli.main import main
from deepsort_reid.reid.data import crop_extraction
from tests.cli.synthetic_video import read_error_line
from tests.reid import synthetic_sequence


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mot")
    return [synthetic_sequence.write_sequence(folder / name) for name in ("street", "square")]


def words(sequences, out, *options):
    line = ["crop", *sequences, "--out", out, "--size", 32, 16, "--min-height", 10, "--quiet"]
    return [str(word) for word in (*line, *options)]


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def stop_at(monkeypatch):
    """Stops the command before the crop of a given number, from 1."""

    def stop(number):
        write, written = crop_extraction._write_crop, []

        def counted(*given):
            written.append(given)
            if len(written) == number:
                raise KeyboardInterrupt
            return write(*given)

        monkeypatch.setattr(crop_extraction, "_write_crop", counted)
        return written

    yield stop
    monkeypatch.undo()


@pytest.mark.parametrize("options", [(), ("--noise-occlusion", "--every", "2")])
def test_stopped_crop_goes_on(options, sequences, tmp_path, stop_at, monkeypatch, capsys):
    assert main(words(sequences, tmp_path / "whole", *options)) == 0
    printed = capsys.readouterr().out.replace("whole", "out")
    total = len(list((tmp_path / "whole").rglob("*.jpg")))
    again = 0
    for number in (1, 4, total // 4, total // 3, total // 4):
        written = stop_at(number)
        assert main(words(sequences, tmp_path / "out", *options)) == 130
        again += len(written)
        monkeypatch.undo()
    written = stop_at(10**9)
    capsys.readouterr()
    assert main(words(sequences, tmp_path / "out", *options)) == 0
    assert capsys.readouterr().out == printed
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert again + len(written) < total + 5 * 8  # at most the crops of one frame for each stop


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
def test_killed_crop_goes_on(sequences, tmp_path):
    assert main(words(sequences, tmp_path / "whole")) == 0
    script = f"""
import os, signal
from deepsort_reid.cli.main import main
from deepsort_reid.reid.data import crop_extraction
write, count = crop_extraction._write_crop, [0]
def counted(*given):
    count[0] += 1
    if count[0] == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(*given)
crop_extraction._write_crop = counted
main({words(sequences, tmp_path / "out")})
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    left = files(tmp_path / "out")
    assert left[PROGRESS]
    assert left["manifest.csv"].count(b"\n") >= 6
    assert main(words(sequences, tmp_path / "out")) == 0
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_other_options_do_not_go_on(sequences, tmp_path, stop_at, monkeypatch, capsys):
    stop_at(5)
    assert main(words(sequences, tmp_path / "out")) == 130
    monkeypatch.undo()
    before = files(tmp_path / "out")
    capsys.readouterr()
    assert main(words(sequences, tmp_path / "out", "--margin", "0.1")) == 2
    assert "unfinished crops of other sources or options" in read_error_line(capsys)
    assert main(words(sequences[:1], tmp_path / "out")) == 2
    assert "unfinished crops of other sources or options" in read_error_line(capsys)
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize("content", ["", "[]", '{"settings": 3}'])
def test_damaged_progress_is_one_line(content, sequences, tmp_path, capsys):
    (tmp_path / PROGRESS).write_text(content)
    assert main(words(sequences, tmp_path)) == 2
    assert f"{PROGRESS}: expected the progress of crop" in read_error_line(capsys)


def test_complete_folder_is_not_cropped_again(sequences, tmp_path, capsys):
    assert main(words(sequences, tmp_path / "out")) == 0
    capsys.readouterr()
    assert main(words(sequences, tmp_path / "out")) == 2
    assert "expected a new or empty folder" in read_error_line(capsys)
