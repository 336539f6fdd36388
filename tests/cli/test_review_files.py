"""`review --export` and `--import`: files of other programs, without the page."""

import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.review import Review, SplitTrack
from deepsort_reid.review.exports import EXPORTS
from tests.cli.synthetic_video import read_error_line


@pytest.fixture
def run(run_track, out):
    assert run_track("--no-video") == 0
    with Review.open(out) as review:
        review.apply(SplitTrack(1, 5))
    return out


def test_all_kinds_are_exported(run, tmp_path, capsys):
    capsys.readouterr()
    assert main(["review", str(run), "--export", str(tmp_path / "all")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(tmp_path / "all" / name) for name, _ in EXPORTS.values()]
    assert len(list((tmp_path / "all").iterdir())) == len(EXPORTS)


def test_exported_file_is_imported_and_scored(run, tmp_path, capsys):
    assert main(["review", str(run), "--export", str(tmp_path / "all")]) == 0
    file = tmp_path / "all" / "cvat-video.xml"
    assert main(["review", str(run), "--import", str(file)]) == 0
    folder = run.with_name("out-imported")
    assert capsys.readouterr().out.splitlines()[-1] == str(folder)
    with Review.open(folder, read_only=True) as again:
        assert [each.id for each in again.persons()] == [1, 2, 3]
    truth = str(tmp_path / "all" / "gt.txt")
    assert main(["evaluate", truth, str(folder), "--quiet"]) == 0
    assert " 100.0 " in capsys.readouterr().out
    assert main(["review", str(run), "--import", str(file)]) == 2
    assert "expected a new or empty folder for the imported tracks" in read_error_line(capsys)


def test_folder_that_is_no_run_is_named_in_one_line(tmp_path, capsys):
    assert main(["review", str(tmp_path), "--export", str(tmp_path / "all")]) == 2
    assert "expected the output folder of `deepsort-reid track`" in read_error_line(capsys)
    assert not (tmp_path / "all").exists()
