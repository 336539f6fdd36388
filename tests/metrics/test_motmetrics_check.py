import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.metrics.clear import clear_matches
from deepsort_reid.metrics.motmetrics_check import (
    FOLLOWS,
    RETURNS,
    TIE,
    MatchDifference,
    MotmetricsCounts,
    check_with_motmetrics,
    match_differences,
)
from deepsort_reid.metrics.report.motmetrics_table import motmetrics_table
from deepsort_reid.metrics.report.tables import COLUMNS
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle

# Fragments and mostly tracked are defined otherwise in motmetrics.
SAME_DEFINITION = ("IDF1", "IDP", "IDR")
SAME_MATCHES = ("MOTA", "MOTP", "Rcll", "Prcn", "FP", "FN", "IDSW")


@pytest.mark.parametrize("block", range(3))
def test_numbers_agree_with_motmetrics_unless_a_difference_is_named(block: int) -> None:
    value = {column.name: column.value for column in COLUMNS}
    alike = 0
    for seed in range(10 * block, 10 * block + 10):
        truth, predicted, frames = oracle.random_scene(seed)
        comparison = metrics.compare_boxes(truth, predicted, frames=frames)
        if comparison.one_side_empty:
            continue
        scores, check = metrics.score(comparison), check_with_motmetrics(comparison)
        theirs = check.counts.columns()
        names = SAME_DEFINITION if check.differences else (*SAME_DEFINITION, *SAME_MATCHES)
        for name in names:
            if name == "MOTP" and scores.clear.matches == 0:
                continue  # of nothing: 0 here, 1 there
            assert value[name](scores) == pytest.approx(theirs[name], abs=1e-9), (seed, name)
        alike += not check.differences
        assert {each.reason for each in check.differences} <= {RETURNS, TIE, FOLLOWS}
    assert alike >= 3


def test_a_tie_is_called_a_tie() -> None:
    # Two people and one track between them, as far from either: both choices overlap equally.
    truth = MotRows([1, 1], [1, 2], [[0, 0, 10, 10], [2, 0, 12, 10]])
    predicted = MotRows([1], [9], [[1, 0, 11, 10]])
    comparison = metrics.compare_boxes(truth, predicted)
    taken = int(comparison.pair_truth[clear_matches(comparison)[0]])
    otherwise = np.array([-1, -1])
    otherwise[1 - taken] = 0
    found = match_differences(comparison, otherwise)
    assert found == [
        MatchDifference(1, 1, 9 if taken == 0 else None, None if taken == 0 else 9, TIE),
        MatchDifference(1, 2, 9 if taken == 1 else None, None if taken == 1 else 9, TIE),
    ]


def test_empty_sides_are_counted_without_motmetrics() -> None:
    one = MotRows([1, 2], [1, 1], [[0.0, 0.0, 10.0, 10.0]] * 2)
    check = check_with_motmetrics(metrics.compare_boxes(one, MotRows.empty()))
    assert check.counts == MotmetricsCounts(objects=2, misses=2, mostly_lost=1)
    check = check_with_motmetrics(metrics.compare_boxes(MotRows.empty(), one))
    assert check.counts == MotmetricsCounts(predictions=2, false_positives=2)


def test_both_columns_stand_side_by_side() -> None:
    one = MotRows([1, 2], [1, 1], [[0.0, 0.0, 10.0, 10.0]] * 2)
    comparison = metrics.compare_boxes(one, one)
    text = motmetrics_table(
        {"A": metrics.score(comparison)}, {"A": check_with_motmetrics(comparison)}
    )
    assert "MOTA         100.00%     100.00%\n" in text
    assert "Every single box is matched alike." in text
