"""Offline refinement: gap filling against hand counts, smoothing against least squares."""

import numpy as np
import pytest

from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.refinement.offline import drop_short, fill_gaps, link, smooth


def rows_of(frame, id, xyxy=None, **columns):
    box = np.tile([10.0, 20.0, 40.0, 80.0], (len(frame), 1)) if xyxy is None else xyxy
    return MotRows(np.asarray(frame), np.asarray(id), np.asarray(box, dtype=float), **columns)


def walk(n, seed=0, noise=0.0, id=1):
    """Noisy rows of a person of height 100 on a straight line, and the true boxes (n, 4)."""
    frame = np.arange(1, n + 1)
    truth = np.column_stack([50 + 3.0 * frame, 200 + 1.0 * frame, np.full(n, 40), np.full(n, 100)])
    measured = truth + np.random.default_rng(seed).normal(0, noise, truth.shape)
    return rows_of(frame, np.full(n, id), boxes.xywh_to_xyxy(measured)), boxes.xywh_to_xyxy(truth)


def test_gap_is_filled_by_linear_interpolation():
    rows = rows_of(
        [1, 5], [7, 7], [[0, 0, 10, 20], [8, 4, 22, 24]], score=[0.5, 0.9], class_id=[2, 3]
    )
    filled = fill_gaps(rows)
    assert filled.frame.tolist() == [1, 2, 3, 4, 5]
    assert filled.id.tolist() == [7] * 5
    assert filled.xyxy[1].tolist() == [2, 1, 13, 21]
    assert filled.xyxy[2].tolist() == [4, 2, 16, 22]
    assert filled.xyxy[3].tolist() == [6, 3, 19, 23]
    np.testing.assert_allclose(filled.score, [0.5, 0.6, 0.7, 0.8, 0.9])
    assert filled.class_id.tolist() == [2, 2, 2, 2, 3]
    assert np.isnan(filled.visibility).all()


def test_only_gaps_of_at_most_max_gap_are_filled():
    rows = rows_of([1, 5, 10], [1, 1, 1])
    assert fill_gaps(rows, max_gap=3).frame.tolist() == [1, 2, 3, 4, 5, 10]
    assert fill_gaps(rows, max_gap=2).frame.tolist() == [1, 5, 10]
    assert fill_gaps(rows, max_gap=0).frame.tolist() == [1, 5, 10]


def test_gaps_of_each_track_are_filled_separately():
    filled = fill_gaps(rows_of([1, 1, 3, 9], [1, 2, 2, 1]), max_gap=2)
    pairs = list(zip(filled.frame.tolist(), filled.id.tolist(), strict=True))
    assert pairs == [(1, 1), (1, 2), (2, 2), (3, 2), (9, 1)]


def test_filling_gaps_is_idempotent():
    random = np.random.default_rng(1)
    rows = walk(200)[0][random.random(200) < 0.3]
    once = fill_gaps(rows)
    twice = fill_gaps(once)
    np.testing.assert_array_equal(once.frame, twice.frame)
    np.testing.assert_array_equal(once.xyxy, twice.xyxy)


def test_filling_restores_boxes_removed_from_a_straight_walk():
    rows, truth = walk(50)
    filled = fill_gaps(rows[(rows.frame < 20) | (rows.frame > 30)])
    np.testing.assert_allclose(filled.xyxy, truth, atol=1e-9)


def test_filling_does_not_depend_on_the_order_of_the_rows():
    rows = MotRows.concatenate([walk(30, id=1)[0][::4], walk(30, seed=2, noise=2, id=2)[0][::3]])
    shuffled = rows[np.random.default_rng(0).permutation(len(rows))]
    np.testing.assert_array_equal(fill_gaps(rows).xyxy, fill_gaps(shuffled).xyxy)


def test_short_tracks_are_dropped_and_the_order_is_kept():
    rows = rows_of([3, 1, 2, 2, 1], [5, 5, 9, 5, 8])
    assert drop_short(rows, 3).frame.tolist() == [3, 1, 2]
    assert drop_short(rows, 1).id.tolist() == rows.id.tolist()
    assert len(drop_short(rows, 4)) == 0


def least_squares(frame, measured, r, q):
    """The smoothed positions of one coordinate, all states solved for in one linear system.

    Residuals: measurements over their standard deviation `r`, the first state minus its prior, and
    transitions, whitened by the Cholesky factor of the process noise.
    """
    n = len(frame)
    equations, values = [], []

    def add(equation, value):
        equations.append(equation)
        values.append(value)

    for k in range(n):
        row = np.zeros(2 * n)
        row[2 * k] = 1 / r
        add(row, measured[k] / r)
    for index, (mean, std) in enumerate([(measured[0], r), (0.0, 10 * q)]):
        row = np.zeros(2 * n)
        row[index] = 1 / std
        add(row, mean / std)
    for k in range(1, n):
        dt = float(frame[k] - frame[k - 1])
        process_noise = q**2 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        whitening = np.linalg.inv(np.linalg.cholesky(process_noise))
        block = np.zeros((2, 2 * n))
        block[:, 2 * k : 2 * k + 2] = whitening
        block[:, 2 * k - 2 : 2 * k] = -whitening @ np.array([[1, dt], [0, 1]])
        for row in block:
            add(row, 0.0)
    return np.linalg.lstsq(np.array(equations), np.array(values), rcond=None)[0][::2]


def test_smoothing_equals_least_squares_on_a_track_with_gaps():
    rows, _ = walk(60, noise=4)
    rows = rows[np.random.default_rng(5).random(60) < 0.5]
    measured = boxes.xyxy_to_xywh(rows.xyxy)
    height = np.median(measured[:, 3])
    expected = np.column_stack(
        [least_squares(rows.frame, column, height / 20, height / 160) for column in measured.T]
    )
    expected[:, 2:] = np.maximum(expected[:, 2:], measured[:, 2:].min(axis=0))
    smoothed = boxes.xyxy_to_xywh(smooth(rows).xyxy)
    np.testing.assert_allclose(smoothed, expected, atol=1e-6)


def test_smoothing_reduces_the_error_of_noisy_boxes():
    rows, truth = walk(200, noise=5)
    before = np.abs(rows.xyxy - truth).mean()
    after = np.abs(smooth(rows).xyxy - truth).mean()
    assert after < 0.6 * before


def test_smoothing_does_not_change_a_straight_walk():
    rows, truth = walk(100)
    # The prior of the velocity is zero, so the first boxes change a little.
    np.testing.assert_allclose(smooth(rows).xyxy[10:], truth[10:], atol=0.05)


def test_smoothing_changes_only_boxes():
    rows = MotRows.concatenate([walk(20, noise=3, id=2)[0], walk(20, seed=1, noise=3, id=1)[0]])
    shuffled = rows[np.random.default_rng(0).permutation(40)]
    smoothed = smooth(shuffled)
    for name in ("frame", "id", "score", "class_id", "visibility"):
        np.testing.assert_array_equal(getattr(smoothed, name), getattr(shuffled, name))
    one_track = smooth(shuffled[shuffled.id == 1])
    np.testing.assert_array_equal(smoothed.xyxy[shuffled.id == 1], one_track.xyxy)


def test_smoothing_is_symmetric_in_time():
    rows, _ = walk(80, noise=4)
    reversed_rows = MotRows(81 - rows.frame, rows.id, rows.xyxy)
    # The prior applies to the first frame only, so only the ends differ.
    np.testing.assert_allclose(
        smooth(rows).xyxy[30:50], smooth(reversed_rows).xyxy[30:50], atol=1e-3
    )


def test_smoothed_size_is_at_least_the_smallest_one_of_the_track():
    sizes = np.array([30.0, 2.0, 2.0, 2.0, 30.0])
    xywh = np.column_stack([np.full(5, 50.0), np.full(5, 50.0), sizes, sizes])
    rows = rows_of(range(1, 6), [1] * 5, boxes.xywh_to_xyxy(xywh))
    assert (boxes.xyxy_to_xywh(smooth(rows, position_noise=1).xyxy)[:, 2:] >= 2 - 1e-9).all()


def test_track_of_one_row_is_unchanged():
    rows = rows_of([4], [1])
    assert smooth(rows).xyxy.tolist() == rows.xyxy.tolist()


@pytest.mark.parametrize("refine", [fill_gaps, smooth, link, lambda rows: drop_short(rows, 2)])
def test_no_rows_give_no_rows(refine):
    assert len(refine(MotRows.empty())) == 0


@pytest.mark.parametrize("refine", [fill_gaps, smooth, link, lambda rows: drop_short(rows, 2)])
def test_rows_without_unique_ids_are_refused(refine):
    with pytest.raises(ValueError, match="expected rows with ids, got id -1 in row 1"):
        refine(rows_of([1, 2], [1, -1]))
    with pytest.raises(ValueError, match=r"got id 4 again in frame 2 \(row 2\)"):
        refine(rows_of([2, 1, 2], [4, 4, 4]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rows: fill_gaps(rows, -1), "max_gap must be 0 or more frames, got -1"),
        (lambda rows: drop_short(rows, 0), "min_frames must be 1 or more, got 0"),
        (lambda rows: smooth(rows, position_noise=0), "position_noise must be positive, got 0"),
        (lambda rows: smooth(rows, velocity_noise=-1), "velocity_noise must be positive, got -1"),
    ],
)
def test_invalid_limits_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(rows_of([1], [1]))


@pytest.mark.data
def test_filling_and_smoothing_restore_most_removed_boxes_of_real_tracks(data_root):
    truth = read_ground_truth(data_root / "mot" / "PETS09-S2L1" / "gt" / "gt.txt")
    kept = truth[np.random.default_rng(0).random(len(truth)) < 0.7]
    filled = smooth(fill_gaps(kept))
    true_box = dict(
        zip(zip(truth.frame.tolist(), truth.id.tolist(), strict=True), truth.xyxy, strict=True)
    )
    overlap = [
        boxes.iou(box[None], true_box[frame, id][None])[0, 0]
        for frame, id, box in zip(
            filled.frame.tolist(), filled.id.tolist(), filled.xyxy, strict=True
        )
    ]
    assert len(filled) > 0.97 * len(truth)
    assert np.mean(overlap) > 0.9
