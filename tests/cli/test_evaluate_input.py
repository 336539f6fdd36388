"""`evaluate` with unusual files: the same scores, or status 2 and one line with file and line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deepsort_reid.cli.main import main
from tests.cli.synthetic_video import PREDICTED_TEXT, TRUTH_TEXT


def scored(tmp_path: Path, truth: str, predicted: str) -> dict[str, object]:
    place = tmp_path / "scores.json"
    for name, text in (("truth.txt", truth), ("predicted.txt", predicted)):
        (tmp_path / name).write_bytes(text.encode())
    files = [str(tmp_path / name) for name in ("truth.txt", "predicted.txt")]
    assert main(["evaluate", *files, "--quiet", "--json", str(place)]) == 0
    content: dict[str, object] = json.loads(place.read_text(encoding="utf-8"))["scores"]["truth"]
    return content


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "".join(reversed(text.splitlines(keepends=True))),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(",", " , "),
        lambda text: "frame,id,left,top,width,height,score,x,y,z\n" + text,
        lambda text: "# written by hand\n" + text.replace("\n", "  # a comment\n", 1),
        lambda text: "\n" + text + "\n\n",
        lambda text: text.rstrip("\n"),
        lambda text: "".join(f"{float(n):.1f},{rest}" for n, rest in _split(text)),
        lambda text: "\ufeff" + text,
    ],
    ids=[
        "frames out of order",
        "Windows line ends",
        "commas with spaces",
        "a header line",
        "comments",
        "blank lines",
        "no last line end",
        "frames as 1.0",
        "byte order mark",
    ],
)
def test_equivalent_files_have_equal_scores(tmp_path: Path, change: Callable[[str], str]) -> None:
    expected = scored(tmp_path, TRUTH_TEXT, PREDICTED_TEXT)
    assert scored(tmp_path, change(TRUTH_TEXT), change(PREDICTED_TEXT)) == expected


def _split(text: str) -> list[tuple[str, str]]:
    return [
        (line.split(",", 1)[0], line.split(",", 1)[1]) for line in text.splitlines(keepends=True)
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("3,6,2,0,10,20,1,-1,-1,-1", "id 6 is used twice in frame 3"),
        ("0,7,2,0,10,20,1,-1,-1,-1", "frame must be a whole number from 1"),
        ("1.5,7,2,0,10,20,1,-1,-1,-1", "frame must be a whole number from 1"),
        ("3,7,2,0,-10,20,1,-1,-1,-1", "width and height must be positive"),
        ("3,7,2,0,10,0,1,-1,-1,-1", "width and height must be positive"),
        ("3,7.5,2,0,10,20,1,-1,-1,-1", "id must be a whole number"),
        ("3,anna,2,0,10,20,1,-1,-1,-1", "'anna' is not a number"),
        ("3,7,nan,0,10,20,1,-1,-1,-1", "NaN or infinity"),
        ("3,7,2,0,10", "5 columns"),
    ],
)
@pytest.mark.parametrize("side", ["truth", "predicted"])
def test_invalid_line_is_named_with_file_and_line(
    mot_files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    side: str,
    line: str,
    expected: str,
) -> None:
    place = mot_files[side == "predicted"]
    text = place.read_text(encoding="utf-8")
    if "is used twice" in expected and side == "truth":
        line, expected = "3,1,2,0,10,20,1,-1,-1,-1", "id 1 is used twice in frame 3"
    place.write_text(f"{text}{line}\n", encoding="utf-8")
    assert main(["evaluate", *map(str, mot_files)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (message,) = captured.err.splitlines()
    assert message.startswith("deepsort-reid evaluate: ")
    assert f"{place.name}:4: " in message
    assert expected in message


@pytest.mark.parametrize("processes", ["1", "2"])
def test_invalid_sequence_keeps_the_scores_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], processes: str
) -> None:
    for side, text in (("gt", TRUTH_TEXT), ("results", PREDICTED_TEXT)):
        (tmp_path / side).mkdir()
        for name in ("A", "B", "C"):
            (tmp_path / side / f"{name}.txt").write_text(text, encoding="utf-8")
    broken = tmp_path / "results" / "B.txt"
    broken.write_text("1,5,0,0,10,20\nnothing\n", encoding="utf-8")
    folders, place = [str(tmp_path / side) for side in ("gt", "results")], tmp_path / "scores.json"
    options = ["--quiet", "--processes", processes, "--json", str(place)]
    assert main(["evaluate", *folders, *options]) == 2
    captured = capsys.readouterr()
    (message,) = captured.err.splitlines()
    assert f"B: {broken}:2: " in message
    assert message.endswith("; the other sequences are scored")
    assert [line.split()[0] for line in captured.out.splitlines()[2:5]] == ["A", "C", "COMBINED"]
    assert list(json.loads(place.read_text(encoding="utf-8"))["scores"]) == ["A", "C", "COMBINED"]


def test_invalid_line_does_not_change_an_earlier_output_file(
    mot_files: tuple[Path, Path], tmp_path: Path
) -> None:
    place = tmp_path / "scores.json"
    assert main(["evaluate", *map(str, mot_files), "--json", str(place)]) == 0
    before = place.read_text(encoding="utf-8")
    mot_files[1].write_text("0,1,0,0,1,1\n", encoding="utf-8")
    assert main(["evaluate", *map(str, mot_files), "--json", str(place)]) == 2
    assert place.read_text(encoding="utf-8") == before


def test_empty_results_are_scored_with_a_note(
    mot_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    truth, predicted = mot_files
    predicted.write_text("", encoding="utf-8")
    assert main(["evaluate", str(truth), str(predicted)]) == 0
    captured = capsys.readouterr()
    assert "there are no predictions" in captured.err
    header, row = captured.out.splitlines()[1:3]
    shown = dict(zip(header.split(), map(float, row.split()[1:]), strict=True))
    assert (shown["HOTA"], shown["MOTA"], shown["FN"], shown["ML"]) == (0, 0, 3, 1)


def test_predictions_after_the_end_of_the_sequence_are_refused_with_the_file_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "SEQ"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text(TRUTH_TEXT, encoding="utf-8")
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=3\n", encoding="utf-8")
    (tmp_path / "other.txt").write_text("4,1,0,0,1,1\n", encoding="utf-8")
    assert main(["evaluate", str(folder), str(tmp_path / "other.txt")]) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert "predicted boxes in frame 4, but the sequence has 3 frames" in message
    assert "other.txt" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--classes", "one"], "--classes: expected numbers such as 1,3, got 'one'"),
        (["--processes", "0"], "--processes: expected 1 or more, got 0"),
        (["--protocol", "mot16", "--classes", "1"], "defines its own classes"),
        (["--json", "missing/scores.json"], "missing"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(
    mot_files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    assert main(["evaluate", *map(str, mot_files), "--quiet", *arguments]) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert expected in message


def test_large_ids_and_frame_numbers_need_no_large_arrays(tmp_path: Path) -> None:
    expected = scored(tmp_path, TRUTH_TEXT, PREDICTED_TEXT)
    far = {"1": "1", "2": "40000000000", "3": "900000000000"}
    files = [
        "".join(
            f"{far[frame]},{rest.replace('5,', '7000000000,', 1)}" for frame, rest in _split(text)
        )
        for text in (TRUTH_TEXT, PREDICTED_TEXT)
    ]
    found = scored(tmp_path, *files)
    for name in ("HOTA", "MOTA", "IDF1", "IDSW", "GT_Dets", "IDs"):
        assert found[name] == expected[name]
