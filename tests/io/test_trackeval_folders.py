"""Folders of TrackEval: they are written as TrackEval reads them, and nothing is overwritten."""

from pathlib import Path

import pytest

from deepsort_reid.io.mot import read_ground_truth, read_results, write_rows
from deepsort_reid.io.trackeval_folders import (
    TrackEvalSequence,
    check_split_name,
    split_name,
    write_trackeval,
)
from tests.metrics import oracle


@pytest.fixture
def scenes(tmp_path: Path) -> list[TrackEvalSequence]:
    """Three random scenes with the results of two trackers."""
    found = []
    for seed in range(3):
        truth, predicted, frames = oracle.random_scene(seed)
        files = {side: tmp_path / f"{seed}-{side}.txt" for side in ("gt", "ours", "theirs")}
        write_rows(files["gt"], truth, "gt")
        write_rows(files["ours"], predicted, "result")
        write_rows(files["theirs"], predicted[::2], "result")
        results = {tracker: files[tracker] for tracker in ("ours", "theirs")}
        found.append(
            TrackEvalSequence(
                name=f"scene-{seed}", truth=files["gt"], results=results, length=frames
            )
        )
    return found


def test_written_folders_have_the_same_boxes_and_a_seqmap(
    tmp_path: Path, scenes: list[TrackEvalSequence]
) -> None:
    root = tmp_path / "root"
    write_trackeval(root, "MADE-train", scenes)
    truth_folder = root / "gt" / "mot_challenge"
    seqmap = truth_folder / "seqmaps" / "MADE-train.txt"
    assert seqmap.read_text(encoding="utf-8") == "name\nscene-0\nscene-1\nscene-2\n"
    for each in scenes:
        folder = truth_folder / "MADE-train" / each.name
        assert f"seqLength={each.length}\n" in (folder / "seqinfo.ini").read_text(encoding="utf-8")
        written = read_ground_truth(folder / "gt" / "gt.txt")
        assert written.xyxy.tolist() == read_ground_truth(each.truth).xyxy.tolist()
        for tracker, file in each.results.items():
            data = root / "trackers" / "mot_challenge" / "MADE-train" / tracker / "data"
            written = read_results(data / f"{each.name}.txt")
            assert written.id.tolist() == read_results(file).id.tolist()


def test_written_again_the_seqmap_keeps_its_entries_and_the_ground_truth_stays(
    tmp_path: Path, scenes: list[TrackEvalSequence]
) -> None:
    root = tmp_path / "root"
    write_trackeval(root, "MADE-train", scenes[:2])
    truth_folder = root / "gt" / "mot_challenge"
    file = truth_folder / "MADE-train" / "scene-1" / "gt" / "gt.txt"
    before = file.stat().st_mtime_ns
    write_trackeval(root, "MADE-train", scenes[1:])
    assert file.stat().st_mtime_ns == before
    seqmap = truth_folder / "seqmaps" / "MADE-train.txt"
    assert seqmap.read_text(encoding="utf-8").split() == ["name", "scene-0", "scene-1", "scene-2"]


def test_other_ground_truth_is_not_overwritten(
    tmp_path: Path, scenes: list[TrackEvalSequence]
) -> None:
    root = tmp_path / "root"
    file = root / "gt" / "mot_challenge" / "MADE-train" / "scene-0" / "gt" / "gt.txt"
    file.parent.mkdir(parents=True)
    file.write_text("1,1,0,0,5,5,1,1,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"gt\.txt: expected the ground truth of .*0-gt\.txt"):
        write_trackeval(root, "MADE-train", scenes)
    assert file.read_text(encoding="utf-8") == "1,1,0,0,5,5,1,1,1\n"


def test_length_of_unknown_videos_is_the_last_frame_with_a_box(tmp_path: Path) -> None:
    truth, result = tmp_path / "a.txt", tmp_path / "b.txt"
    truth.write_text("1,1,0,0,5,5,1,1,1\n", encoding="utf-8")
    result.write_text("1,1,0,0,5,5,1\n7,1,0,0,5,5,1\n", encoding="utf-8")
    each = TrackEvalSequence(name="A", truth=truth, results={"ours": result}, length=None)
    write_trackeval(tmp_path / "root", "MADE-train", [each])
    info = tmp_path / "root" / "gt" / "mot_challenge" / "MADE-train" / "A" / "seqinfo.ini"
    assert "seqLength=7\n" in info.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("MOT17/train", "MOT17-train"),
        ("gt/mot_challenge/MOT20-test", "MOT20-test"),
        ("dancetrack/val", "dancetrack-val"),
    ],
)
def test_split_is_named_after_its_folders(tmp_path: Path, folder: str, name: str) -> None:
    assert split_name(tmp_path / folder) == name
    check_split_name(name)


@pytest.mark.parametrize("name", ["train", "a/b-c", "-train", "MOT17-", "../x-y"])
def test_invalid_name_of_a_split_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected BENCHMARK-SPLIT such as MOT17-train, got"):
        check_split_name(name)
