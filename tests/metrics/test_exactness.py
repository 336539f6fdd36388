"""Wide frames, ties in them, and the parts that make exactness: overlaps, sums, the solver."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from trackeval.datasets._base_dataset import _BaseDataset

from deepsort_reid import metrics
from deepsort_reid.metrics import exact_sums, matching, overlaps
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle


def wide_scene(seed: int) -> tuple[MotRows, MotRows]:
    """Frames of up to 40 boxes on each side, half of the scenes on a grid, where all is tied."""
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        per_frame = rng.integers(0, 41, 4)
        frame = np.repeat(np.arange(1, 5), per_frame)
        ids = np.concatenate([rng.permutation(60)[:n] for n in per_frame])
        corner, size = rng.uniform(0, 120, (len(frame), 2)), rng.uniform(20, 60, (len(frame), 2))
        if seed % 2:
            corner, size = np.round(corner / 20) * 20, np.full_like(size, 40)
        sides.append(MotRows(frame, ids, np.concatenate([corner, corner + size], axis=1)))
    return sides[0], sides[1]


@pytest.mark.parametrize("seed", range(40))
def test_every_field_equals_trackeval_in_wide_frames_with_ties(seed: int) -> None:
    truth, predicted = wide_scene(seed)
    theirs = oracle.trackeval_scores(oracle.trackeval_data(truth, predicted, 4))
    ours = metrics.evaluate(truth, predicted, frames=4)
    oracle.assert_equal_in_every_field(oracle.our_scores(ours), theirs)


@pytest.mark.parametrize("seed", range(20))
def test_sums_of_overlaps_are_those_of_the_full_matrices_to_the_last_bit(seed: int) -> None:
    truth, predicted = wide_scene(seed)
    comparison = metrics.compare_boxes(truth, predicted)
    by_row, by_column = exact_sums.similarity_sums(comparison)
    for frame in range(1, 5):
        rows, columns = comparison.truth.frame == frame, comparison.predicted.frame == frame
        full = _BaseDataset._calculate_box_ious(
            truth.xyxy[comparison.truth.row[rows]],
            predicted.xyxy[comparison.predicted.row[columns]],
            box_format="x0y0x1y1",
        )
        assert (by_row[rows] == full.sum(axis=1)).all()
        assert (by_column[columns] == full.sum(axis=0)).all()


def test_a_matrix_of_one_column_is_summed_like_one_line() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 10, (30, 2))
    truth = MotRows(np.ones(30), np.arange(30), np.concatenate([corner, corner + 40], axis=1))
    predicted = MotRows([1], [1], [[0.0, 0.0, 45.0, 45.0]])
    comparison = metrics.compare_boxes(truth, predicted)
    assert len(comparison.similarity) == 30
    full = comparison.similarity[:, None]
    assert exact_sums.similarity_sums(comparison)[1][0] == full.sum(axis=0)[0]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("at_once", [(1, 1), (7, 50), (1 << 13, 1 << 16)])
def test_overlaps_are_those_of_every_pair_however_they_are_cut_up(
    monkeypatch: pytest.MonkeyPatch, seed: int, at_once: tuple[int, int]
) -> None:
    monkeypatch.setattr(overlaps, "BOX_CHUNK", at_once[0])
    monkeypatch.setattr(overlaps, "CANDIDATE_CHUNK", at_once[1])
    truth, predicted = wide_scene(seed)
    far = seed % 3 * 1e6  # coordinates may be large
    truth = MotRows(truth.frame * 10, truth.id, truth.xyxy + far)
    predicted = MotRows(predicted.frame * 10, predicted.id, predicted.xyxy + far)
    comparison = metrics.compare_boxes(truth, predicted)
    assert (np.diff(comparison.pair_truth) >= 0).all()
    found = np.zeros((len(truth), len(predicted)))
    rows = comparison.truth.row[comparison.pair_truth]
    found[rows, comparison.predicted.row[comparison.pair_predicted]] = comparison.similarity
    every = _BaseDataset._calculate_box_ious(truth.xyxy, predicted.xyxy, box_format="x0y0x1y1")
    same_frame = truth.frame[:, None] == predicted.frame
    assert (found == np.where(same_frame, every, 0)).all()


def test_boxes_next_to_each_other_do_not_overlap() -> None:
    one = MotRows([1], [1], [[0.0, 0.0, 10.0, 10.0]])
    for beside in ([10.0, 0.0, 20.0, 10.0], [0.0, 10.0, 10.0, 20.0], [30.0, 30.0, 40.0, 40.0]):
        comparison = metrics.compare_boxes(one, MotRows([1], [1], [beside]))
        assert len(comparison.similarity) == 0


def test_boxes_without_an_area_overlap_with_nothing() -> None:
    tiny = MotRows([1], [1], [[0.0, 0.0, 1e-9, 1e-9]])
    assert len(metrics.compare_boxes(tiny, tiny).similarity) == 0


@pytest.mark.parametrize("seed", range(40))
def test_the_heaviest_choice_is_the_solvers_ties_included(seed: int) -> None:
    truth, predicted = wide_scene(seed)
    comparison = metrics.compare_boxes(truth, predicted)
    rng = np.random.default_rng(seed)
    score = rng.random(len(comparison.similarity))
    if seed % 2:
        score = np.round(score * 4) / 4  # many ties, some zeros
    chosen = matching.max_weight_matching(comparison, score)
    bounds = comparison.bounds
    for number in range(len(bounds.frame)):
        top, bottom = bounds.truth[number : number + 2]
        left, right = bounds.predicted[number : number + 2]
        here = (comparison.pair_truth >= top) & (comparison.pair_truth < bottom)
        matrix = np.zeros((bottom - top, right - left))
        place = comparison.pair_truth[here] - top, comparison.pair_predicted[here] - left
        matrix[place] = score[here]
        expected = np.zeros_like(matrix, dtype=bool)
        expected[linear_sum_assignment(-matrix)] = True
        assert (chosen[here] == (expected & (matrix > 0))[place]).all()


def test_an_id_twice_in_a_frame_is_refused_with_its_name() -> None:
    box = [[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]]
    twice, once = MotRows([7, 7], [4, 4], box), MotRows([7, 7], [4, 5], box)
    message = r"predicted: .* got id 4 more than once in frame 7 \(1 repeated rows in total\)"
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(once, twice)
    with pytest.raises(ValueError, match=r"truth: .* got id 4 more than once in frame 7"):
        metrics.evaluate(twice, once)


def test_edge_values_are_those_of_the_papers_reference() -> None:
    one = MotRows([1, 2], [1, 1], [[0.0, 0.0, 10.0, 10.0]] * 2)
    without_predictions = metrics.evaluate(one, MotRows.empty())
    assert without_predictions.hota.loca.tolist() == [1.0] * 19
    assert without_predictions.hota.false_negatives.tolist() == [2.0] * 19
    assert without_predictions.clear.mostly_lost_share == 1
    without_truth = metrics.evaluate(MotRows.empty(), one)
    assert without_truth.hota.false_positives.tolist() == [2.0] * 19
    assert without_truth.clear.mota == 0
    # Added to others, its false positives count.
    assert (metrics.ClearCounts() + without_truth.clear).mota == -2
