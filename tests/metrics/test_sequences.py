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
    "truth_shape", ["{}/gt/gt.txt", "train/{}/gt/gt.txt", "{}/gt.txt", "{}.txt"]
)
@pytest.mark.parametrize(
    "predicted_shape",
    [
        "{}.txt",
        "data/{}.txt",
        "{0}/{0}.txt",
        "{}/tracks.txt",
        "{}-tracks/tracks.txt",
        "{}/gt/gt.txt",
    ],
)
def test_folders_of_the_usual_shapes_are_paired_by_the_name_of_the_sequence(
    tmp_path: Path, truth_shape: str, predicted_shape: str
) -> None:
    for name in ("A", "B"):
        save(tmp_path / "gt" / truth_shape.format(name))
        save(tmp_path / "results" / predicted_shape.format(name))
    pairs, left_out = pair_files(tmp_path / "gt", tmp_path / "results")
    assert pairs == [
        SequenceFiles(
            name,
            tmp_path / "gt" / truth_shape.format(name),
            tmp_path / "results" / predicted_shape.format(name),
        )
        for name in ("A", "B")
    ]
    assert left_out == []


def test_two_files_go_together_whatever_their_names(tmp_path: Path) -> None:
    truth, predicted = save(tmp_path / "SEQ" / "gt" / "gt.txt"), save(tmp_path / "out.txt")
    assert pair_files(truth, predicted) == ([SequenceFiles("SEQ", truth, predicted)], [])
    assert pair_files(tmp_path / "SEQ", predicted) == ([SequenceFiles("SEQ", truth, predicted)], [])


def test_a_run_of_track_goes_with_a_single_truth(tmp_path: Path) -> None:
    truth = save(tmp_path / "SEQ" / "gt" / "gt.txt")
    tracks = save(tmp_path / "run" / "tracks.txt")
    save(tmp_path / "run" / "detections.txt")
    assert pair_files(truth, tmp_path / "run") == ([SequenceFiles("SEQ", truth, tracks)], [])


def test_one_truth_file_picks_its_predictions_out_of_many(tmp_path: Path) -> None:
    truth = save(tmp_path / "B" / "gt" / "gt.txt")
    for name in ("A", "B"):
        save(tmp_path / "results" / f"{name}.txt")
    expected = [SequenceFiles("B", truth, tmp_path / "results" / "B.txt")]
    assert pair_files(truth, tmp_path / "results") == (expected, [])


def test_sequences_that_one_side_lacks_are_named_and_refused(tmp_path: Path) -> None:
    for name in ("A", "B", "C"):
        save(tmp_path / "gt" / name / "gt" / "gt.txt")
    for name in ("B", "D"):
        save(tmp_path / "results" / f"{name}.txt")
    with pytest.raises(ValueError, match=r"results has no A, C; .*gt has no D; --allow-missing"):
        pair_files(tmp_path / "gt", tmp_path / "results")
    pairs, left_out = pair_files(tmp_path / "gt", tmp_path / "results", allow_missing=True)
    assert [pair.name for pair in pairs] == ["B"]
    assert len(left_out) == 2


def test_nothing_in_common_is_refused_even_when_missing_is_allowed(tmp_path: Path) -> None:
    for name in ("A", "B"):
        save(tmp_path / "gt" / name / "gt" / "gt.txt")
    save(tmp_path / "results" / "C.txt")
    with pytest.raises(ValueError, match=r"no sequence is on both sides: .* has A, B; .* has C"):
        pair_files(tmp_path / "gt", tmp_path / "results", allow_missing=True)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    truth = save(tmp_path / "gt" / "A" / "gt" / "gt.txt")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        pair_files(truth, tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        pair_files(tmp_path / "nowhere", truth)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected truth as SEQ/gt/gt\.txt"):
        pair_files(tmp_path / "empty", truth)
    with pytest.raises(ValueError, match=r"expected predictions as SEQ\.txt"):
        pair_files(tmp_path / "gt", tmp_path / "empty")


def test_the_length_of_a_sequence_is_believed_where_seqinfo_tells_it(tmp_path: Path) -> None:
    truth = save(tmp_path / "SEQ" / "gt" / "gt.txt")
    predicted = save(tmp_path / "out.txt", "1,1,0,0,10,20\n9,1,0,0,10,20\n")
    pair = SequenceFiles("SEQ", truth, predicted)
    opened = load_sequence(pair, metrics.ScoringRules())
    assert opened.comparison.frames == 9
    assert opened.notes == ("1 predicted boxes come after frame 1, the last with a truth box",)
    save(tmp_path / "SEQ" / "seqinfo.ini", "[Sequence]\nname=SEQ\nseqLength=20\n")
    assert load_sequence(pair, metrics.ScoringRules()).comparison.frames == 20
    save(tmp_path / "SEQ" / "seqinfo.ini", "[Sequence]\nname=SEQ\nseqLength=8\n")
    with pytest.raises(ValueError, match=r"gt\.txt and .*out\.txt: predicted boxes lie in frame 9"):
        load_sequence(pair, metrics.ScoringRules())


def test_predictions_of_another_sequence_are_remarked(tmp_path: Path) -> None:
    truth = save(tmp_path / "gt.txt")
    elsewhere = save(tmp_path / "elsewhere.txt", "1,1,500,500,10,20\n")
    nothing = save(tmp_path / "nothing.txt", "")
    (note,) = load_sequence(SequenceFiles("SEQ", truth, elsewhere), metrics.ScoringRules()).notes
    assert note == "no predicted box matches a truth box: are they of the same sequence?"
    assert load_sequence(SequenceFiles("SEQ", truth, nothing), metrics.ScoringRules()).notes == (
        "there are no predictions",
    )
    assert load_sequence(SequenceFiles("SEQ", nothing, truth), metrics.ScoringRules()).notes == (
        "there is no truth",
    )


def test_boxes_that_are_not_scored_are_remarked(tmp_path: Path) -> None:
    truth = save(tmp_path / "gt.txt", "1,1,0,0,10,20,1,1,1\n1,2,50,0,10,20,1,8,1\n")
    predicted = save(tmp_path / "out.txt", "1,1,0,0,10,20\n1,2,50,0,10,20\n")
    opened = load_sequence(SequenceFiles("SEQ", truth, predicted), metrics.ScoringRules())
    assert opened.protocol == "mot16"
    assert opened.notes == ("1 of 2 truth boxes and 1 of 2 predicted boxes are not scored",)


def test_several_processes_give_the_numbers_of_one(tmp_path: Path) -> None:
    for seed in range(4):
        truth, predicted, _ = oracle.random_scene(seed)
        name = f"scene-{seed}"
        oracle.write_both(tmp_path, name, truth, predicted)
    pairs, _ = pair_files(tmp_path / "gt", tmp_path / "trackers" / "ours")
    work = ScoreSequence(metrics.ScoringRules())
    alone, together = (list(map_sequences(work, pairs, n)) for n in (1, 2))
    assert [each.name for each in together] == [pair.name for pair in pairs]
    for one, other in zip(alone, together, strict=True):
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
    # Non-motorised vehicles are distractors in MOT20 alone.
    assert found["MOT20-01"].scores.boxes.predicted_boxes == 0
    assert found["MOT17-02"].scores.boxes.predicted_boxes == 1
