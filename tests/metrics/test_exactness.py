"""Exact equality with TrackEval in crowded frames with ties: scores, IoU, sums and matching."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from trackeval.datasets._base_dataset import _BaseDataset

from deepsort_reid import metrics
from deepsort_reid.metrics import exact_sums, matching, overlaps
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle


def crowded_scene(seed: int) -> tuple[MotRows, MotRows]:
    """Four frames of up to 40 boxes on each side. Odd seeds make ties: boxes on a grid."""
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
def test_every_field_equals_trackeval_in_crowded_frames_with_ties(seed: int) -> None:
    truth, predicted = crowded_scene(seed)
    theirs = oracle.trackeval_scores(oracle.trackeval_data(truth, predicted, 4))
    ours = metrics.evaluate(truth, predicted, frames=4)
    oracle.assert_equal_in_every_field(oracle.our_scores(ours), theirs)


@pytest.mark.parametrize("seed", range(20))
def test_similarity_sums_equal_sums_of_the_full_matrices_bit_by_bit(seed: int) -> None:
    truth, predicted = crowded_scene(seed)
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


def test_matrix_of_one_column_is_summed_like_a_row() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 10, (30, 2))
    truth = MotRows(np.ones(30), np.arange(30), np.concatenate([corner, corner + 40], axis=1))
    predicted = MotRows([1], [1], [[0.0, 0.0, 45.0, 45.0]])
    comparison = metrics.compare_boxes(truth, predicted)
    assert len(comparison.similarity) == 30
    full = comparison.similarity[:, None]
    assert exact_sums.similarity_sums(comparison)[1][0] == full.sum(axis=0)[0]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("chunks", [(1, 1), (7, 50), (1 << 13, 1 << 16)])
def test_overlaps_equal_iou_of_all_pairs_for_any_chunk_size(
    monkeypatch: pytest.MonkeyPatch, seed: int, chunks: tuple[int, int]
) -> None:
    monkeypatch.setattr(overlaps, "BOX_CHUNK", chunks[0])
    monkeypatch.setattr(overlaps, "CANDIDATE_CHUNK", chunks[1])
    truth, predicted = crowded_scene(seed)
    offset = seed % 3 * 1e6  # large coordinates
    truth = MotRows(truth.frame * 10, truth.id, truth.xyxy + offset)
    predicted = MotRows(predicted.frame * 10, predicted.id, predicted.xyxy + offset)
    comparison = metrics.compare_boxes(truth, predicted)
    assert (np.diff(comparison.pair_truth) >= 0).all()
    found = np.zeros((len(truth), len(predicted)))
    rows = comparison.truth.row[comparison.pair_truth]
    found[rows, comparison.predicted.row[comparison.pair_predicted]] = comparison.similarity
    expected = _BaseDataset._calculate_box_ious(truth.xyxy, predicted.xyxy, box_format="x0y0x1y1")
    same_frame = truth.frame[:, None] == predicted.frame
    assert (found == np.where(same_frame, expected, 0)).all()


def test_adjacent_boxes_do_not_overlap() -> None:
    one = MotRows([1], [1], [[0.0, 0.0, 10.0, 10.0]])
    for other in ([10.0, 0.0, 20.0, 10.0], [0.0, 10.0, 10.0, 20.0], [30.0, 30.0, 40.0, 40.0]):
        comparison = metrics.compare_boxes(one, MotRows([1], [1], [other]))
        assert len(comparison.similarity) == 0


def test_boxes_with_negligible_area_do_not_overlap() -> None:
    tiny = MotRows([1], [1], [[0.0, 0.0, 1e-9, 1e-9]])
    assert len(metrics.compare_boxes(tiny, tiny).similarity) == 0


@pytest.mark.parametrize("seed", range(40))
def test_max_weight_matching_equals_the_solver_including_ties(seed: int) -> None:
    truth, predicted = crowded_scene(seed)
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
        in_frame = (comparison.pair_truth >= top) & (comparison.pair_truth < bottom)
        matrix = np.zeros((bottom - top, right - left))
        cells = comparison.pair_truth[in_frame] - top, comparison.pair_predicted[in_frame] - left
        matrix[cells] = score[in_frame]
        expected = np.zeros_like(matrix, dtype=bool)
        expected[linear_sum_assignment(-matrix)] = True
        assert (chosen[in_frame] == (expected & (matrix > 0))[cells]).all()


def test_repeated_id_in_a_frame_is_refused_with_side_and_frame() -> None:
    box = [[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]]
    twice, once = MotRows([7, 7], [4, 4], box), MotRows([7, 7], [4, 5], box)
    message = r"predicted: .* got id 4 more than once in frame 7 \(1 repeated rows in total\)"
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(once, twice)
    with pytest.raises(ValueError, match=r"truth: .* got id 4 more than once in frame 7"):
        metrics.evaluate(twice, once)


def test_scores_of_empty_sides_equal_the_reference_implementation() -> None:
    one = MotRows([1, 2], [1, 1], [[0.0, 0.0, 10.0, 10.0]] * 2)
    without_predictions = metrics.evaluate(one, MotRows.empty())
    assert without_predictions.hota.loca.tolist() == [1.0] * 19
    assert without_predictions.hota.false_negatives.tolist() == [2.0] * 19
    assert without_predictions.clear.mostly_lost_share == 1
    without_truth = metrics.evaluate(MotRows.empty(), one)
    assert without_truth.hota.false_positives.tolist() == [2.0] * 19
    assert without_truth.clear.mota == 0
    # In a sum of sequences its false positives count.
    assert (metrics.ClearCounts() + without_truth.clear).mota == -2
