import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.metrics.analysis.block_counts import WIDTH, statistics
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle


@pytest.mark.parametrize("length", [1, 3, 7, 1000])
def test_blocks_of_a_sequence_add_up_to_its_scores(length: int) -> None:
    for seed in range(60):
        truth, predicted, frames = oracle.random_scene(seed)
        comparison = metrics.compare_boxes(truth, predicted, frames=frames)
        scores = metrics.score(comparison)
        blocks = metrics.block_counts(comparison, length)
        assert blocks.shape == (-(-frames // length), WIDTH)
        numbers = statistics(blocks.sum(axis=0))
        clear = metrics.ClearCounts() + scores.clear  # a sum has ratios even if a side is empty
        expected = {
            "HOTA": scores.hota.hota.mean(),
            "DetA": scores.hota.deta.mean(),
            "AssA": scores.hota.assa.mean(),
            "MOTA": clear.mota,
            "IDF1": scores.identity.idf1,
            "IDSW": clear.switches,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(numbers[name], value, rtol=0, atol=1e-9, err_msg=name)


def block_counts(miss_rate: float, seeds: range = range(6)) -> dict[str, np.ndarray]:
    """Block counts, by seed, of persons far apart whose boxes are missed at random."""
    counts = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        frame, person = (each.ravel() for each in np.mgrid[1:201, 1:6])
        left = 50.0 * person + rng.normal(0, 1, len(person))
        truth = MotRows(frame, person, np.column_stack([left, left, left + 30, left + 30]))
        kept = rng.random(len(truth)) >= miss_rate
        comparison = metrics.compare_boxes(truth, truth[kept], frames=200)
        counts[str(seed)] = metrics.block_counts(comparison, 20)
    return counts


def by_name(found: list[metrics.MetricDifference]) -> dict[str, metrics.MetricDifference]:
    return {each.name: each for each in found}


def test_tracker_does_not_differ_from_itself() -> None:
    for each in metrics.bootstrap_differences(
        block_counts(0.1), block_counts(0.1), n_resamples=200
    ):
        assert each.change == 0
        assert (each.over_blocks.low, each.over_blocks.high) == (0, 0)
        assert each.over_sequences == metrics.ConfidenceInterval(0, 0)
        assert each.sequences_with_sign(0) == list("012345")


def test_worse_tracker_has_intervals_below_zero_over_sequences_and_blocks() -> None:
    found = by_name(
        metrics.bootstrap_differences(block_counts(0.05), block_counts(0.15), n_resamples=500)
    )
    mota = found["MOTA"]
    assert mota.change == pytest.approx(-0.1, abs=0.02)
    assert mota.over_sequences is not None
    for interval in (mota.over_sequences, mota.over_blocks):
        assert interval.low < mota.change < interval.high < 0
    assert mota.sequences_with_sign(-1) == list("012345")
    assert found["IDSW"].over_blocks == metrics.ConfidenceInterval(0, 0)


def test_swapping_the_trackers_changes_the_sign_of_every_interval() -> None:
    one = by_name(
        metrics.bootstrap_differences(
            block_counts(0.05), block_counts(0.15), n_resamples=100, seed=3
        )
    )
    other = by_name(
        metrics.bootstrap_differences(
            block_counts(0.15), block_counts(0.05), n_resamples=100, seed=3
        )
    )
    for name in one:
        assert one[name].change == -other[name].change
        assert one[name].over_blocks.low == pytest.approx(-other[name].over_blocks.high)


def test_intervals_over_blocks_cover_the_true_difference_in_about_95_percent() -> None:
    covered = 0
    for trial in range(60):
        seeds = range(1000 + 3 * trial, 1003 + 3 * trial)
        found = by_name(
            metrics.bootstrap_differences(
                block_counts(0.1, seeds), block_counts(0.2, seeds), n_resamples=200
            )
        )
        covered += found["MOTA"].over_blocks.low < -0.1 < found["MOTA"].over_blocks.high
    # 95 % of 60 is 57. With so few blocks the coverage of a bootstrap is slightly too low.
    assert 50 <= covered <= 60


def test_single_sequence_has_no_interval_over_sequences() -> None:
    one = {"0": block_counts(0.1)["0"]}
    assert all(
        each.over_sequences is None
        for each in metrics.bootstrap_differences(one, one, n_resamples=10)
    )


def test_missing_blocks_at_the_end_count_as_empty() -> None:
    full = block_counts(0.1)
    short = {name: counts[:7] for name, counts in full.items()}
    longer = {
        name: np.concatenate([counts, np.zeros((3, WIDTH))]) for name, counts in short.items()
    }
    assert metrics.bootstrap_differences(
        full, short, n_resamples=50
    ) == metrics.bootstrap_differences(full, longer, n_resamples=50)


def test_different_or_no_sequences_are_refused() -> None:
    counts = block_counts(0.1)
    with pytest.raises(ValueError, match="expected the same sequences of both trackers"):
        metrics.bootstrap_differences(counts, {"other": counts["0"]})
    with pytest.raises(ValueError, match="expected at least one sequence"):
        metrics.bootstrap_differences({}, {})
