from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.io.mot import write_rows
from deepsort_reid.metrics.sequences import (
    ScoreSequence,
    SequenceFiles,
    load_sequence,
    map_sequences,
    pair_files,
)
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle


def save(path: Path, text: str = "1,1,0,0,10,20,1,-1,-1,-1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "truth_layout", ["{}/gt/gt.txt", "train/{}/gt/gt.txt", "{}/gt.txt", "{}.txt"]
)
@pytest.mark.parametrize(
    "predicted_layout",
    [
        "{}.txt",
        "data/{}.txt",
        "{0}/{0}.txt",
        "{}/tracks.txt",
        "{}-tracks/tracks.txt",
        "{}/gt/gt.txt",
    ],
)
def test_files_in_common_folder_layouts_are_paired_by_sequence_name(
    tmp_path: Path, truth_layout: str, predicted_layout: str
) -> None:
    for name in ("A", "B"):
        save(tmp_path / "gt" / truth_layout.format(name))
        save(tmp_path / "results" / predicted_layout.format(name))
    pairs, missing = pair_files(tmp_path / "gt", tmp_path / "results")
    assert pairs == [
        SequenceFiles(
            name,
            tmp_path / "gt" / truth_layout.format(name),
            tmp_path / "results" / predicted_layout.format(name),
        )
        for name in ("A", "B")
    ]
    assert missing == []


def test_two_files_are_paired_whatever_their_names(tmp_path: Path) -> None:
    truth, predicted = save(tmp_path / "SEQ" / "gt" / "gt.txt"), save(tmp_path / "out.txt")
    assert pair_files(truth, predicted) == ([SequenceFiles("SEQ", truth, predicted)], [])
    assert pair_files(tmp_path / "SEQ", predicted) == ([SequenceFiles("SEQ", truth, predicted)], [])


def test_output_folder_of_track_is_paired_with_a_single_ground_truth_file(tmp_path: Path) -> None:
    truth = save(tmp_path / "SEQ" / "gt" / "gt.txt")
    tracks = save(tmp_path / "run" / "tracks.txt")
    save(tmp_path / "run" / "detections.txt")
    assert pair_files(truth, tmp_path / "run") == ([SequenceFiles("SEQ", truth, tracks)], [])


def test_single_ground_truth_file_selects_its_predictions_from_a_folder(tmp_path: Path) -> None:
    truth = save(tmp_path / "B" / "gt" / "gt.txt")
    for name in ("A", "B"):
        save(tmp_path / "results" / f"{name}.txt")
    expected = [SequenceFiles("B", truth, tmp_path / "results" / "B.txt")]
    assert pair_files(truth, tmp_path / "results") == (expected, [])


def test_sequences_that_one_side_lacks_are_refused_by_name(
    tmp_path: Path,
) -> None:
    for name in ("A", "B", "C"):
        save(tmp_path / "gt" / name / "gt" / "gt.txt")
    for name in ("B", "D"):
        save(tmp_path / "results" / f"{name}.txt")
    with pytest.raises(ValueError, match=r"results has no A, C; .*gt has no D; --allow-missing"):
        pair_files(tmp_path / "gt", tmp_path / "results")
    pairs, missing = pair_files(tmp_path / "gt", tmp_path / "results", allow_missing=True)
    assert [files.name for files in pairs] == ["B"]
    assert len(missing) == 2


def test_no_common_sequence_is_refused_also_with_allow_missing(tmp_path: Path) -> None:
    for name in ("A", "B"):
        save(tmp_path / "gt" / name / "gt" / "gt.txt")
    save(tmp_path / "results" / "C.txt")
    with pytest.raises(
        ValueError,
        match=r"no sequence has both ground truth and predictions: .* has A, B; .* has C",
    ):
        pair_files(tmp_path / "gt", tmp_path / "results", allow_missing=True)


def test_missing_paths_and_empty_folders_are_named(tmp_path: Path) -> None:
    truth = save(tmp_path / "gt" / "A" / "gt" / "gt.txt")
    with pytest.raises(FileNotFoundError, match="missing"):
        pair_files(truth, tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="missing"):
        pair_files(tmp_path / "missing", truth)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected ground truth as SEQ/gt/gt\.txt"):
        pair_files(tmp_path / "empty", truth)
    with pytest.raises(ValueError, match=r"expected predictions as SEQ\.txt"):
        pair_files(tmp_path / "gt", tmp_path / "empty")


def test_length_of_a_sequence_is_read_from_seqinfo(tmp_path: Path) -> None:
    truth = save(tmp_path / "SEQ" / "gt" / "gt.txt")
    predicted = save(tmp_path / "out.txt", "1,1,0,0,10,20\n9,1,0,0,10,20\n")
    files = SequenceFiles("SEQ", truth, predicted)
    loaded = load_sequence(files, metrics.ScoringRules())
    assert loaded.comparison.frames == 9
    assert loaded.notes == (
        "1 predicted boxes come after frame 1, the last with a ground-truth box",
    )
    save(tmp_path / "SEQ" / "seqinfo.ini", "[Sequence]\nname=SEQ\nseqLength=20\n")
    assert load_sequence(files, metrics.ScoringRules()).comparison.frames == 20
    save(tmp_path / "SEQ" / "seqinfo.ini", "[Sequence]\nname=SEQ\nseqLength=8\n")
    with pytest.raises(ValueError, match=r"gt\.txt and .*out\.txt: predicted boxes in frame 9"):
        load_sequence(files, metrics.ScoringRules())


def test_predictions_of_another_sequence_cause_a_note(tmp_path: Path) -> None:
    truth = save(tmp_path / "gt.txt")
    other = save(tmp_path / "other.txt", "1,1,500,500,10,20\n")
    nothing = save(tmp_path / "nothing.txt", "")
    (note,) = load_sequence(SequenceFiles("SEQ", truth, other), metrics.ScoringRules()).notes
    assert note == (
        "no predicted box matches a ground-truth box: do both belong to the same sequence?"
    )
    assert load_sequence(SequenceFiles("SEQ", truth, nothing), metrics.ScoringRules()).notes == (
        "there are no predictions",
    )
    assert load_sequence(SequenceFiles("SEQ", nothing, truth), metrics.ScoringRules()).notes == (
        "there is no ground truth",
    )


def test_number_of_boxes_that_are_not_scored_is_noted(tmp_path: Path) -> None:
    truth = save(tmp_path / "gt.txt", "1,1,0,0,10,20,1,1,1\n1,2,50,0,10,20,1,8,1\n")
    predicted = save(tmp_path / "out.txt", "1,1,0,0,10,20\n1,2,50,0,10,20\n")
    loaded = load_sequence(SequenceFiles("SEQ", truth, predicted), metrics.ScoringRules())
    assert loaded.protocol == "mot16"
    assert loaded.notes == ("1 of 2 ground-truth boxes and 1 of 2 predicted boxes are not scored",)


def test_several_processes_give_the_same_scores_as_one(tmp_path: Path) -> None:
    for seed in range(4):
        truth, predicted, _ = oracle.random_scene(seed)
        name = f"scene-{seed}"
        oracle.write_both(tmp_path, name, truth, predicted)
    pairs, _ = pair_files(tmp_path / "gt", tmp_path / "trackers" / "ours")
    function = ScoreSequence(metrics.ScoringRules())
    serial, parallel = (list(map_sequences(function, pairs, n)) for n in (1, 2))
    assert [each.name for each in parallel] == [files.name for files in pairs]
    for one, other in zip(serial, parallel, strict=True):
        assert metrics.as_dict(one.scores) == metrics.as_dict(other.scores)


def test_evaluate_folders_scores_each_sequence_under_its_own_protocol(tmp_path: Path) -> None:
    box = np.array([[0.0, 0.0, 10.0, 20.0]])
    for name, class_id in (("MOT20-01", 6), ("MOT17-02", 6), ("mine", 99)):
        place = tmp_path / "gt" / name / "gt" / "gt.txt"
        place.parent.mkdir(parents=True)
        write_rows(place, MotRows([1], [1], box, class_id=[class_id]), "gt")
        save(tmp_path / "results" / f"{name}.txt")
    found = metrics.evaluate_folders(tmp_path / "gt", tmp_path / "results")
    assert {name: each.protocol for name, each in found.items()} == {
        "MOT17-02": "mot16",
        "MOT20-01": "mot20",
        "mine": "plain",
    }
    # Class 6, non-motorised vehicle, is a distractor in MOT20 only.
    assert found["MOT20-01"].scores.boxes.predicted_boxes == 0
    assert found["MOT17-02"].scores.boxes.predicted_boxes == 1
