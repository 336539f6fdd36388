"""Folder layouts: the file of each sequence is found, and what is ambiguous is refused."""

from pathlib import Path

import pytest

from deepsort_reid.io import layouts
from deepsort_reid.io.trackeval_folders import split_folder

ROW = "1,1,10,20,30,60,1,1,1\n"


def save(path: Path, text: str = ROW) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def trackeval(tmp_path: Path) -> Path:
    """Two sequences and two trackers in the folders of TrackEval; the seqmap has one sequence."""
    for name in ("A", "B"):
        save(tmp_path / "gt" / "mot_challenge" / "MOT17-train" / name / "gt" / "gt.txt")
        for tracker in ("ours", "theirs"):
            folder = tmp_path / "trackers" / "mot_challenge" / "MOT17-train" / tracker
            save(folder / "data" / f"{name}.txt")
            save(folder / "pedestrian_summary.txt", "HOTA DetA\n50 50\n")  # TrackEval writes it
    save(tmp_path / "gt" / "mot_challenge" / "seqmaps" / "MOT17-train.txt", "name\nB\n")
    return tmp_path


@pytest.mark.parametrize("inside", ["", "gt", "gt/mot_challenge", "gt/mot_challenge/MOT17-train"])
def test_ground_truth_of_trackeval_is_found_from_every_level(trackeval: Path, inside: str) -> None:
    split = trackeval / "gt" / "mot_challenge" / "MOT17-train"
    assert layouts.truth_files(trackeval / inside) == {
        name: split / name / "gt" / "gt.txt" for name in ("A", "B")
    }
    assert layouts.select_sequences(trackeval / inside, ["A", "B"]) == (["B"], [])


@pytest.mark.parametrize(
    "inside", ["", "trackers", "trackers/mot_challenge", "trackers/mot_challenge/MOT17-train"]
)
def test_trackers_of_trackeval_are_found_from_every_level(trackeval: Path, inside: str) -> None:
    split = trackeval / "trackers" / "mot_challenge" / "MOT17-train"
    found = layouts.tracker_folders(trackeval / inside, ["A", "B"])
    assert found == [split / "ours", split / "theirs"]
    for place in (found[0], found[0] / "data"):
        assert layouts.tracker_folders(place, ["A", "B"]) == [place]
        files = layouts.result_files(place)
        assert files == {name: split / "ours" / "data" / f"{name}.txt" for name in ("A", "B")}


def test_one_of_several_splits_must_be_given(trackeval: Path) -> None:
    for side, inner in (("gt", "C/gt/gt.txt"), ("trackers", "ours/data/C.txt")):
        save(trackeval / side / "mot_challenge" / "MOT20-train" / inner)
    with pytest.raises(ValueError, match=r"such as MOT17-train, got MOT17-train, MOT20-train"):
        layouts.truth_files(trackeval)
    found = layouts.tracker_folders(trackeval / "trackers", ["C"], "MOT20-train")
    assert [each.relative_to(trackeval).parts[2:] for each in found] == [("MOT20-train", "ours")]
    with pytest.raises(ValueError, match="got MOT17-train, MOT20-train"):
        layouts.tracker_folders(trackeval / "trackers", ["C"], "MOT15-train")


def test_trackeval_folders_without_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    save(tmp_path / "gt" / "mot_challenge" / "A" / "gt" / "gt.txt")
    save(tmp_path / "trackers" / "mot_challenge" / "ours" / "data" / "A.txt")
    assert list(layouts.truth_files(tmp_path)) == ["A"]
    assert [each.name for each in layouts.tracker_folders(tmp_path, ["A"])] == ["ours"]


def test_sequences_in_two_layouts_at_once_are_refused(trackeval: Path) -> None:
    save(trackeval / "train" / "C" / "gt" / "gt.txt")
    with pytest.raises(ValueError, match=r"expected sequences in one layout.*train.C"):
        layouts.truth_files(trackeval)
    with pytest.raises(ValueError, match="expected sequences in one layout"):
        split_folder(trackeval, "gt")


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("train/A/gt/gt.txt", "val/A/gt/gt.txt", "one ground-truth file of A, got .*train.* and"),
        ("A/gt/gt.txt", "A.txt", r"one ground-truth file of A, got .*gt\.txt and .*A\.txt"),
    ],
)
def test_sequence_with_two_ground_truth_files_is_refused(
    tmp_path: Path, first: str, second: str, message: str
) -> None:
    save(tmp_path / first)
    save(tmp_path / second)
    with pytest.raises(ValueError, match=message):
        layouts.truth_files(tmp_path)


@pytest.mark.parametrize(
    ("first", "second"),
    [("A.txt", "data/A.txt"), ("A/tracks.txt", "A-tracks/tracks.txt"), ("A/A.txt", "A.txt")],
)
def test_sequence_with_two_result_files_is_refused(tmp_path: Path, first: str, second: str) -> None:
    save(tmp_path / first)
    save(tmp_path / second)
    with pytest.raises(ValueError, match=r"expected one result file of A, got .* and .*A"):
        layouts.result_files(tmp_path)


def test_notes_beside_sequences_are_no_ground_truth(tmp_path: Path) -> None:
    save(tmp_path / "A" / "gt" / "gt.txt")
    save(tmp_path / "readme.txt", "hello")
    assert list(layouts.truth_files(tmp_path)) == ["A"]


def test_seqinfo_that_cannot_be_read_does_not_hide_the_ground_truth(tmp_path: Path) -> None:
    save(tmp_path / "A" / "gt" / "gt.txt")
    save(tmp_path / "A" / "seqinfo.ini", "nothing")
    assert list(layouts.truth_files(tmp_path)) == ["A"]


def test_empty_and_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected ground truth as"):
        layouts.truth_files(tmp_path)
    with pytest.raises(ValueError, match="expected predictions as"):
        layouts.result_files(tmp_path)
    assert layouts.tracker_folders(tmp_path, ["A"]) == [tmp_path]
    for find in (layouts.truth_files, layouts.result_files):
        with pytest.raises(FileNotFoundError, match="absent: no such file or folder"):
            find(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="absent: no such file or folder"):
        layouts.tracker_folders(tmp_path / "absent", ["A"])
    (tmp_path / "gt" / "mot_challenge").mkdir(parents=True)
    with pytest.raises(ValueError, match="one folder such as MOT17-train, got none"):
        layouts.truth_files(tmp_path)


def test_folder_of_trackers_has_those_with_results_of_the_sequences(tmp_path: Path) -> None:
    save(tmp_path / "one" / "A.txt")
    save(tmp_path / "two" / "data" / "A.txt")
    save(tmp_path / "runs" / "A" / "tracks.txt")
    save(tmp_path / "cache" / "other.txt")
    save(tmp_path / ".hidden" / "A.txt")
    save(tmp_path / "table.txt", "text")
    found = layouts.tracker_folders(tmp_path, ["A", "B"])
    assert [each.name for each in found] == ["one", "runs", "two"]
    # A single sequence: an output folder of `track`, whatever its name.
    save(tmp_path / "three" / "tracks.txt")
    found = layouts.tracker_folders(tmp_path, ["A"])
    assert [each.name for each in found] == ["one", "runs", "three", "two"]


def test_detections_are_npz_else_text(tmp_path: Path) -> None:
    text = save(tmp_path / "A.txt")
    assert layouts.detections_file(tmp_path, "A") == text
    saved = save(tmp_path / "A.npz")
    assert layouts.detections_file(tmp_path, "A") == saved
    with pytest.raises(FileNotFoundError, match=r"B\.npz: no such file, nor B\.txt beside it"):
        layouts.detections_file(tmp_path, "B")


NAMES = ["MOT17-02-DPM", "MOT17-02-SDP", "MOT17-04-SDP", "MOT17-04-SDP-long"]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ([], NAMES),
        (["MOT17-02"], NAMES[:2]),
        (["MOT17-04-SDP"], NAMES[2:3]),  # the sequence of this name, not those that begin with it
        (["MOT17-04-SDP", "MOT17-02-S"], NAMES[1:3]),
    ],
)
def test_only_selects_by_name_or_prefix(
    tmp_path: Path, only: list[str], expected: list[str]
) -> None:
    assert layouts.select_sequences(tmp_path, NAMES, only=only) == (expected, [])


def test_prefix_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--only: no sequence 'MOT20'; there are MOT17-02-DPM, "):
        layouts.select_sequences(tmp_path, NAMES, only=["MOT17-02", "MOT20"])


def test_seqmap_selects_and_names_what_is_missing(tmp_path: Path) -> None:
    seqmap = save(tmp_path / "map.txt", "name\nB\n\nC\n")
    with pytest.raises(ValueError, match=r"map\.txt:4: no sequence 'C' in .*; there are A, B"):
        layouts.select_sequences(tmp_path, ["A", "B"], seqmap=seqmap)
    names, notes = layouts.select_sequences(tmp_path, ["A", "B"], seqmap=seqmap, allow_missing=True)
    assert names == ["B"]
    assert len(notes) == 1
    # What --only leaves out need not be there.
    assert layouts.select_sequences(tmp_path, ["A", "B"], seqmap=seqmap, only=["B"]) == (["B"], [])
    with pytest.raises(ValueError, match=r"expected one of A, B, got none of them"):
        layouts.select_sequences(tmp_path, ["A", "B"], seqmap=seqmap, only=["A"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name\nA\nB\n", ["A", "B"]),
        ("A\r\nB\r\n", ["A", "B"]),  # SportsMOT's have no header
        ("\ufeffname,\nA,\nB,,\n", ["A", "B"]),
    ],
)
def test_seqmap_is_read(tmp_path: Path, text: str, names: list[str]) -> None:
    assert list(layouts.read_seqmap(save(tmp_path / "map.txt", text))) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\n\n", "expected names of sequences, one in a line, got none"),
        ("", "got none"),
        ("name\nA\nA\n", r"map\.txt:3: sequence 'A' is already in line 2"),
    ],
)
def test_invalid_seqmap_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layouts.read_seqmap(save(tmp_path / "map.txt", text))


def test_binary_seqmap_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ValueError, match=r"map\.txt: expected names of sequences as UTF-8 text"):
        layouts.read_seqmap(tmp_path / "map.txt")
