from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle


def with_classes(rows: MotRows, seed: int, classes: tuple[int, ...]) -> MotRows:
    """The same boxes with random classes and, for every tenth, the consider flag 0."""
    rng = np.random.default_rng(seed)
    return MotRows(
        frame=rows.frame,
        id=rows.id,
        xyxy=rows.xyxy,
        score=(rng.random(len(rows)) > 0.1).astype(float),
        class_id=np.where(rng.random(len(rows)) < 0.5, 1, rng.choice(classes, len(rows))),
        visibility=rng.random(len(rows)),
    )


@pytest.mark.parametrize(
    ("benchmark", "protocol", "classes"),
    [
        ("MOT16", "mot16", tuple(range(1, 13))),
        ("MOT17", "mot16", tuple(range(1, 13))),
        ("MOT20", "mot20", tuple(range(1, 14))),
        ("MOT15", "plain", (1, 2, 7)),
    ],
)
def test_every_field_equals_trackeval_under_the_rules_of_each_benchmark(
    tmp_path: Path, benchmark: str, protocol: str, classes: tuple[int, ...]
) -> None:
    sequences, total = {}, metrics.Scores()
    for seed in range(1000, 1060):
        truth, predicted, frames = oracle.random_scene(seed)
        name = f"{benchmark}-{seed}"
        truth, predicted = oracle.write_both(
            tmp_path, name, with_classes(truth, seed, classes), predicted
        )
        theirs = oracle.trackeval_from_files(tmp_path, name, frames, benchmark)
        ours = metrics.evaluate(truth, predicted, protocol=protocol, frames=frames)
        oracle.assert_equal_in_every_field(oracle.our_scores(ours), theirs)
        sequences[str(seed)] = theirs
        total += ours
    combined = oracle.our_scores(total)
    oracle.assert_equal_in_every_field(combined, oracle.trackeval_combined(sequences))


def rows(*lines: tuple[float, ...]) -> MotRows:
    """frame, id, x1, y1, x2, y2, consider flag, class."""
    table = np.array(lines, dtype=float).reshape(-1, 8)
    return MotRows(
        frame=table[:, 0],
        id=table[:, 1],
        xyxy=table[:, 2:6],
        score=table[:, 6],
        class_id=table[:, 7],
    )


def test_protocol_is_chosen_from_the_classes_of_the_ground_truth() -> None:
    box = (1, 1, 0, 0, 10, 10, 1)
    assert metrics.choose_protocol(rows((*box, -1))) == "plain"
    assert metrics.choose_protocol(rows((*box, 0))) == "plain"
    assert metrics.choose_protocol(rows((*box, 1))) == "plain"
    assert metrics.choose_protocol(rows((*box, 2))) == "mot16"
    assert metrics.choose_protocol(rows((*box, 2)), "MOT20-01") == "mot20"
    assert metrics.choose_protocol(rows((*box, 13))) == "mot20"
    assert metrics.choose_protocol(rows((*box, 14))) == "plain"
    assert metrics.choose_protocol(MotRows.empty()) == "plain"


def test_prediction_on_a_distractor_is_not_scored() -> None:
    truth = rows((1, 1, 0, 0, 10, 10, 1, 1), (1, 2, 50, 0, 60, 10, 1, 8))
    predicted = rows((1, 1, 0, 0, 10, 10, 1, -1), (1, 2, 50, 0, 60, 10, 1, -1))
    boxes = metrics.evaluate(truth, predicted).boxes
    assert (boxes.truth_boxes, boxes.predicted_boxes) == (1, 1)
    boxes = metrics.evaluate(truth, predicted, protocol="plain").boxes
    assert (boxes.truth_boxes, boxes.predicted_boxes) == (2, 2)


def test_prediction_in_an_ignore_region_is_scored_only_if_it_matches_ground_truth() -> None:
    truth = rows(
        (1, 1, 10, 10, 20, 20, 1, 1), (1, 2, 0, 0, 100, 100, 1, 13), (1, 3, 300, 0, 310, 10, 1, 1)
    )
    predicted = rows(
        (1, 1, 10, 10, 20, 20, 1, -1),  # matches a person inside the region
        (1, 2, 60, 60, 70, 70, 1, -1),  # in the region, without a match
        (1, 3, 94, 60, 110, 70, 1, -1),  # less than half inside
    )
    clear = metrics.evaluate(truth, predicted, ignore_classes=(13,)).clear
    assert (clear.matches, clear.misses, clear.false_positives) == (1, 1, 1)


def test_only_given_classes_and_predictions_without_a_class_are_scored() -> None:
    truth = rows((1, 1, 0, 0, 10, 10, 1, 3), (1, 2, 50, 0, 60, 10, 1, 4))
    predicted = rows(
        (1, 1, 0, 0, 10, 10, 1, 3), (1, 2, 50, 0, 60, 10, 1, 4), (1, 3, 90, 0, 99, 9, 1, -1)
    )
    clear = metrics.evaluate(truth, predicted, classes=(3,)).clear
    assert (clear.matches, clear.misses, clear.false_positives) == (1, 0, 1)


def test_classes_are_refused_for_ground_truth_without_classes() -> None:
    truth = rows((1, 1, 0, 0, 10, 10, 1, -1))
    with pytest.raises(ValueError, match=r"classes \[1\] .* the ground truth has no classes"):
        metrics.evaluate(truth, truth, classes=(1,))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"protocol": "mot18"}, "protocol: expected one of auto, mot16, mot20, plain, got 'mot18'"),
        ({"protocol": "mot16", "classes": (1,)}, "defines its own classes"),
        ({"classes": (1,), "ignore_classes": (1,)}, r"\[1\] cannot be both scored and ignored"),
    ],
)
def test_contradicting_rules_are_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        metrics.evaluate(MotRows.empty(), MotRows.empty(), **options)


@pytest.mark.parametrize("protocol", ["plain", "mot16"])
def test_ground_truth_with_scores_instead_of_consider_flags_is_refused(protocol: str) -> None:
    valid, invalid = (1, 1, 0, 0, 10, 10, 1, 1), (2, 1, 0, 0, 10, 10, 0.9, 1)
    with pytest.raises(ValueError, match=r"consider flag: expected 0 or 1, got 0\.9 in row 1"):
        metrics.evaluate(rows(valid, invalid), rows(valid), protocol=protocol)
    assert metrics.evaluate(rows(valid), rows(invalid), protocol=protocol).clear.misses == 1


def test_classes_unknown_to_the_protocol_are_refused() -> None:
    box = (1, 1, 0, 0, 10, 10, 1)
    with pytest.raises(ValueError, match=r"expected ground-truth classes from 1 to 13, got \[17\]"):
        metrics.evaluate(rows((*box, 17)), rows((*box, -1)), protocol="mot16")
    with pytest.raises(
        ValueError,
        match=r"expected predictions of class 1 .* got the classes \[3\]",
    ):
        metrics.evaluate(rows((*box, 1)), rows((*box, 3)), protocol="mot16")
