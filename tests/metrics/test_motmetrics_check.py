import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.metrics.clear import clear_matches
from deepsort_reid.metrics.motmetrics_check import (
    REASONS,
    TIE,
    MatchDifference,
    MotmetricsCounts,
    check_with_motmetrics,
    match_differences,
)
from deepsort_reid.metrics.report import COLUMNS, motmetrics_table
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle

# Frag, MT and ML have other definitions in motmetrics.
EQUAL_ALWAYS = ("IDF1", "IDP", "IDR")
EQUAL_FOR_EQUAL_MATCHES = ("MOTA", "MOTP", "Rcll", "Prcn", "FP", "FN", "IDSW")


@pytest.mark.parametrize("block", range(3))
def test_scores_equal_motmetrics_unless_a_match_difference_is_reported(block: int) -> None:
    value = {column.name: column.value for column in COLUMNS}
    identical = 0
    for seed in range(10 * block, 10 * block + 10):
        truth, predicted, frames = oracle.random_scene(seed)
        comparison = metrics.compare_boxes(truth, predicted, frames=frames)
        if comparison.one_side_empty:
            continue
        scores, check = metrics.score(comparison), check_with_motmetrics(comparison)
        theirs = check.counts.columns()
        names = EQUAL_ALWAYS if check.differences else (*EQUAL_ALWAYS, *EQUAL_FOR_EQUAL_MATCHES)
        for name in names:
            if name == "MOTP" and scores.clear.matches == 0:
                continue  # without matches: 0 here, 1 in motmetrics
            assert value[name](scores) == pytest.approx(theirs[name], abs=1e-9), (seed, name)
        identical += not check.differences
        assert {each.reason for each in check.differences} <= set(REASONS)
    assert identical >= 3


def test_difference_between_equal_sums_of_iou_is_reported_as_a_tie() -> None:
    # Two persons and one track with the same IoU with both.
    truth = MotRows([1, 1], [1, 2], [[0, 0, 10, 10], [2, 0, 12, 10]])
    predicted = MotRows([1], [9], [[1, 0, 11, 10]])
    comparison = metrics.compare_boxes(truth, predicted)
    matched_row = int(comparison.pair_truth[clear_matches(comparison)[0]])
    theirs = np.array([-1, -1])
    theirs[1 - matched_row] = 0
    found = match_differences(comparison, theirs)
    ours: list[int | None] = [None, None]
    ours[matched_row] = 9
    assert found == [
        MatchDifference(1, 1, ours[0], ours[1], TIE),
        MatchDifference(1, 2, ours[1], ours[0], TIE),
    ]


def test_sequences_with_an_empty_side_are_counted() -> None:
    one = MotRows([1, 2], [1, 1], [[0.0, 0.0, 10.0, 10.0]] * 2)
    check = check_with_motmetrics(metrics.compare_boxes(one, MotRows.empty()))
    assert check.counts == MotmetricsCounts(objects=2, misses=2, mostly_lost=1)
    check = check_with_motmetrics(metrics.compare_boxes(MotRows.empty(), one))
    assert check.counts == MotmetricsCounts(predictions=2, false_positives=2)


def test_table_shows_both_scores_side_by_side() -> None:
    one = MotRows([1, 2], [1, 1], [[0.0, 0.0, 10.0, 10.0]] * 2)
    comparison = metrics.compare_boxes(one, one)
    text = motmetrics_table(
        {"A": metrics.score(comparison)}, {"A": check_with_motmetrics(comparison)}
    )
    assert "MOTA         100.00%     100.00%\n" in text
    assert "All boxes are matched identically." in text
