"""Finished tracks: gaps filled by hand-counted lines, smoothing against least squares."""

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
    """One person of height 100 on a straight line, measured with noise in pixels: rows, truth."""
    frame = np.arange(1, n + 1)
    truth = np.column_stack([50 + 3.0 * frame, 200 + 1.0 * frame, np.full(n, 40), np.full(n, 100)])
    measured = truth + np.random.default_rng(seed).normal(0, noise, truth.shape)
    return rows_of(frame, np.full(n, id), boxes.xywh_to_xyxy(measured)), boxes.xywh_to_xyxy(truth)


def test_a_gap_is_filled_on_the_line_between_its_ends():
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


def test_a_gap_of_just_max_gap_is_filled_and_one_more_is_not():
    rows = rows_of([1, 5, 10], [1, 1, 1])
    assert fill_gaps(rows, max_gap=3).frame.tolist() == [1, 2, 3, 4, 5, 10]
    assert fill_gaps(rows, max_gap=2).frame.tolist() == [1, 5, 10]
    assert fill_gaps(rows, max_gap=0).frame.tolist() == [1, 5, 10]


def test_people_are_filled_apart_from_each_other():
    filled = fill_gaps(rows_of([1, 1, 3, 9], [1, 2, 2, 1]), max_gap=2)
    pairs = list(zip(filled.frame.tolist(), filled.id.tolist(), strict=True))
    assert pairs == [(1, 1), (1, 2), (2, 2), (3, 2), (9, 1)]


def test_filling_twice_is_filling_once():
    random = np.random.default_rng(1)
    rows = walk(200)[0][random.random(200) < 0.3]
    once = fill_gaps(rows)
    twice = fill_gaps(once)
    np.testing.assert_array_equal(once.frame, twice.frame)
    np.testing.assert_array_equal(once.xyxy, twice.xyxy)


def test_filling_a_straight_walk_gives_back_what_was_cut_out():
    rows, truth = walk(50)
    filled = fill_gaps(rows[(rows.frame < 20) | (rows.frame > 30)])
    np.testing.assert_allclose(filled.xyxy, truth, atol=1e-9)


def test_the_order_of_the_rows_does_not_matter_to_filling():
    rows = MotRows.concatenate([walk(30, id=1)[0][::4], walk(30, seed=2, noise=2, id=2)[0][::3]])
    shuffled = rows[np.random.default_rng(0).permutation(len(rows))]
    np.testing.assert_array_equal(fill_gaps(rows).xyxy, fill_gaps(shuffled).xyxy)


def test_short_tracks_are_dropped_and_the_rest_keeps_its_order():
    rows = rows_of([3, 1, 2, 2, 1], [5, 5, 9, 5, 8])
    assert drop_short(rows, 3).frame.tolist() == [3, 1, 2]
    assert drop_short(rows, 1).id.tolist() == rows.id.tolist()
    assert len(drop_short(rows, 4)) == 0


def least_squares(frame, measured, r, q):
    """The smoother's answer in one linear system: every state at once, one coordinate.

    Residuals: each measurement / r, the first state's distance from its prior, and each step's
    distance from the transition, whitened by the drift's Cholesky factor.
    """
    n = len(frame)
    lines, values = [], []

    def add(row, value):
        lines.append(row)
        values.append(value)

    for k in range(n):
        row = np.zeros(2 * n)
        row[2 * k] = 1 / r
        add(row, measured[k] / r)
    for index, (value, spread) in enumerate([(measured[0], r), (0.0, 10 * q)]):
        row = np.zeros(2 * n)
        row[index] = 1 / spread
        add(row, value / spread)
    for k in range(1, n):
        dt = float(frame[k] - frame[k - 1])
        drift = q**2 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        white = np.linalg.inv(np.linalg.cholesky(drift))
        block = np.zeros((2, 2 * n))
        block[:, 2 * k : 2 * k + 2] = white
        block[:, 2 * k - 2 : 2 * k] = -white @ np.array([[1, dt], [0, 1]])
        for row in block:
            add(row, 0.0)
    return np.linalg.lstsq(np.array(lines), np.array(values), rcond=None)[0][::2]


def test_smoothing_equals_least_squares_over_the_whole_track_gaps_included():
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


def test_smoothing_brings_noisy_boxes_nearer_to_the_truth():
    rows, truth = walk(200, noise=5)
    before = np.abs(rows.xyxy - truth).mean()
    after = np.abs(smooth(rows).xyxy - truth).mean()
    assert after < 0.6 * before


def test_smoothing_leaves_a_straight_walk_where_it_is():
    rows, truth = walk(100)
    # The filter starts without knowing the velocity, so the first steps may move by a little.
    np.testing.assert_allclose(smooth(rows).xyxy[10:], truth[10:], atol=0.05)


def test_smoothing_moves_boxes_and_nothing_else():
    rows = MotRows.concatenate([walk(20, noise=3, id=2)[0], walk(20, seed=1, noise=3, id=1)[0]])
    shuffled = rows[np.random.default_rng(0).permutation(40)]
    smoothed = smooth(shuffled)
    for name in ("frame", "id", "score", "class_id", "visibility"):
        np.testing.assert_array_equal(getattr(smoothed, name), getattr(shuffled, name))
    alone = smooth(shuffled[shuffled.id == 1])
    np.testing.assert_array_equal(smoothed.xyxy[shuffled.id == 1], alone.xyxy)


def test_smoothing_backwards_in_time_is_smoothing():
    rows, _ = walk(80, noise=4)
    back = MotRows(81 - rows.frame, rows.id, rows.xyxy)
    # The prior sits on the first frame only, so the ends differ and the middle does not.
    np.testing.assert_allclose(smooth(rows).xyxy[30:50], smooth(back).xyxy[30:50], atol=1e-3)


def test_a_box_is_never_smoothed_away():
    sizes = np.array([30.0, 2.0, 2.0, 2.0, 30.0])
    xywh = np.column_stack([np.full(5, 50.0), np.full(5, 50.0), sizes, sizes])
    rows = rows_of(range(1, 6), [1] * 5, boxes.xywh_to_xyxy(xywh))
    assert (boxes.xyxy_to_xywh(smooth(rows, position_noise=1).xyxy)[:, 2:] >= 2 - 1e-9).all()


def test_a_track_of_one_row_stays():
    rows = rows_of([4], [1])
    assert smooth(rows).xyxy.tolist() == rows.xyxy.tolist()


@pytest.mark.parametrize("improve", [fill_gaps, smooth, link, lambda rows: drop_short(rows, 2)])
def test_no_rows_stay_no_rows(improve):
    assert len(improve(MotRows.empty())) == 0


@pytest.mark.parametrize("improve", [fill_gaps, smooth, link, lambda rows: drop_short(rows, 2)])
def test_rows_that_are_no_tracks_are_refused(improve):
    with pytest.raises(ValueError, match="expected rows with ids, got id -1 in row 1"):
        improve(rows_of([1, 2], [1, -1]))
    with pytest.raises(ValueError, match=r"got id 4 again in frame 2 \(row 2\)"):
        improve(rows_of([2, 1, 2], [4, 4, 4]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rows: fill_gaps(rows, -1), "max_gap must be 0 or more frames, got -1"),
        (lambda rows: drop_short(rows, 0), "min_frames must be 1 or more, got 0"),
        (lambda rows: smooth(rows, position_noise=0), "position_noise must be positive, got 0"),
        (lambda rows: smooth(rows, velocity_noise=-1), "velocity_noise must be positive, got -1"),
    ],
)
def test_limits_that_mean_nothing_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(rows_of([1], [1]))


@pytest.mark.data
def test_filling_real_tracks_with_holes_restores_most_of_them(data_root):
    truth = read_ground_truth(data_root / "mot" / "PETS09-S2L1" / "gt" / "gt.txt")
    kept = truth[np.random.default_rng(0).random(len(truth)) < 0.7]
    filled = smooth(fill_gaps(kept))
    key = dict(
        zip(zip(truth.frame.tolist(), truth.id.tolist(), strict=True), truth.xyxy, strict=True)
    )
    overlap = [
        boxes.iou(box[None], key[frame, id][None])[0, 0]
        for frame, id, box in zip(
            filled.frame.tolist(), filled.id.tolist(), filled.xyxy, strict=True
        )
    ]
    assert len(filled) > 0.97 * len(truth)
    assert np.mean(overlap) > 0.9
