"""Box smoothing: the estimated noise ratio, the smoothed boxes, and cases without noise."""

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.structures import boxes
from deepsort_reid.tracking.extras import box_smoothing
from deepsort_reid.tracking.extras.box_smoothing import BoxSmoother

SIZE = np.array([40.0, 100.0])
BOX = np.array([[0.0, 0, 40, 100]])
XYWH = boxes.xyxy_to_xywh(BOX)
FAR_BOX = np.array([[800.0, 0, 840, 100]])


def random_walk(rng, tracks, frames, process_noise_ratio, noise_std, height=100.0):
    """True and detected boxes (F, N, 4): each coordinate a random walk plus white noise.

    Standard deviations are of the centre, in units of the height, and of the logarithm of the size.
    """
    unit = np.array([height, height, 1.0, 1.0])
    start = np.concatenate([rng.uniform(0, 999, (tracks, 2)), np.log([SIZE] * tracks)], axis=1)
    true = start + np.cumsum(rng.normal(0, process_noise_ratio, (frames, tracks, 4)) * unit, axis=0)
    return true, true + rng.normal(0, noise_std, (frames, tracks, 4)) * unit


def as_boxes(logged):
    return boxes.xywh_to_xyxy(np.hstack([logged[:, :2], np.exp(logged[:, 2:])]))


def smooth_all(measured, seen=None):
    """The smoother after boxes (F, N, 4) of tracks predicted as static, and the smoothed boxes."""
    found, smoothed = BoxSmoother(), [as_boxes(measured[0])]
    state, still = box_smoothing.initiate(smoothed[0]), smoothed[0]
    coasted = np.zeros(len(still), dtype=bool)
    for number, here in enumerate(measured[1:], start=1):
        rows = np.flatnonzero(np.ones(len(still)) if seen is None else seen[number])
        xyxy = as_boxes(here)
        state = found.update(found.predict(state, XYWH, XYWH), rows, xyxy[rows], coasted[rows])
        coasted = ~np.isin(np.arange(len(still)), rows)
        smoothed.append(box_smoothing.smoothed_boxes(state, xyxy, ~coasted))
    return found, np.array(smoothed)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
def test_process_noise_ratio_is_estimated(ratio):
    rng = np.random.default_rng(1)
    noise_std = 0.01
    _, measured = random_walk(rng, 30, 400, noise_std * np.sqrt(ratio), noise_std)
    found = smooth_all(measured)[0].process_noise_ratio
    # Three standard errors of a correlation of the 6,000 pairs that the running sums hold.
    np.testing.assert_allclose(-1 / (found + 2), -1 / (ratio + 2), atol=3 / np.sqrt(6000))


def test_process_noise_ratio_is_robust_to_wrong_matches():
    rng = np.random.default_rng(2)
    _, measured = random_walk(rng, 30, 400, 0.01, 0.01)
    wrong = rng.random(measured.shape[:2]) < 0.01
    measured[wrong] += rng.normal(0, 1, (wrong.sum(), 4)) * [100, 100, 1, 1]
    process_noise_ratio = smooth_all(measured)[0].process_noise_ratio
    assert (process_noise_ratio > 0.25).all(), "too much noise"
    assert (process_noise_ratio < 4).all(), "too little noise"


def test_smoothed_boxes_equal_a_kalman_filter_with_the_known_ratio():
    rng = np.random.default_rng(3)
    _, measured = random_walk(rng, 3, 60, 0.01, 0.01)
    seen = rng.random(measured.shape[:2]) < 0.8
    seen[0] = True
    ratio = np.array([0.5, 2.0, 1.0, 7.0])

    class Known(BoxSmoother):
        process_noise_ratio = ratio
        measurement_noise = np.full(4, np.inf)  # so that no offset is too large for noise

    found, still = Known(), as_boxes(measured[0])
    state, dense = box_smoothing.initiate(still), {}
    for track, row in np.ndindex(3, 4):
        one = dense[track, row] = KalmanFilter(dim_x=1, dim_z=1)
        one.x[:], one.F[:], one.H[:], one.R[:] = measured[0, track, row], 1, 1, 1
        one.P[:], one.Q[:] = 1, ratio[row]
    for here, visible in zip(measured[1:], seen[1:], strict=True):
        rows = np.flatnonzero(visible)
        state = found.update(
            found.predict(state, XYWH, XYWH),
            rows,
            as_boxes(here[rows]),
            np.zeros(len(rows), bool),
        )
        for (track, row), one in dense.items():
            one.predict()
            if visible[track]:
                one.update(here[track, row])
        expected = np.array([[dense[track, row].x[0, 0] for row in range(4)] for track in range(3)])
        reported = box_smoothing.smoothed_boxes(state, as_boxes(here), visible)
        # Offsets of the centre scale with the detected height; those of the dense filter do not.
        np.testing.assert_allclose(reported, as_boxes(expected), atol=1e-6)


def test_smoothing_brings_noisy_boxes_closer_to_the_truth():
    rng = np.random.default_rng(4)
    true, measured = random_walk(rng, 20, 300, 0.004, 0.02)
    smoothed = smooth_all(measured)[1][50:]
    error, detected_error = (
        np.abs(found - np.array([as_boxes(here) for here in true[50:]])).mean()
        for found in (smoothed, np.array([as_boxes(here) for here in measured[50:]]))
    )
    assert error < 0.6 * detected_error


@pytest.mark.parametrize("error", ["none", "slow"])
def test_boxes_without_white_noise_are_not_changed(error):
    rng = np.random.default_rng(5)
    true, _ = random_walk(rng, 20, 300, 0.0, 0.0)
    walked = np.cumsum(np.cumsum(rng.normal(0, 0.02, true.shape) * [1, 1, 0, 0], axis=0), axis=0)
    measured = true + walked  # random velocities
    if error == "slow":  # an error of many frames cannot be told from motion
        for frame in range(1, 300):
            kept = 0.9 * (measured - true - walked)[frame - 1]
            measured[frame] += kept + rng.normal(0, 0.2, true.shape[1:]) * [1, 1, 0, 0]
    detected = np.array([as_boxes(here) for here in measured])
    off = np.abs(smooth_all(measured)[1] - detected)
    assert off.max() == 0 if error == "none" else off.mean() < 0.02


@pytest.mark.filterwarnings("error")
def test_large_camera_motion_gives_no_warning():
    tracker = DeepSort()
    for _ in range(5):
        tracker.update(Detections(BOX))
    found = tracker.update(Detections(FAR_BOX), camera=[[1, 0, 800], [0, 1, 0]])
    np.testing.assert_allclose(found.xyxy, FAR_BOX)


def test_insignificant_correlation_is_not_smoothed():
    rng, moved = np.random.default_rng(10), []
    for _ in range(100):
        _, measured = random_walk(rng, 1, 16, 0.01, 0.0)
        smoothed = smooth_all(measured)[1]
        moved.append(smoothed != np.array([as_boxes(here) for here in measured]))
    assert np.mean(moved) < 0.1


def test_rounding_errors_are_not_noise():
    rng = np.random.default_rng(6)
    _, measured = random_walk(rng, 10, 100, 0.0, 1e-13)
    found, _ = smooth_all(measured)
    assert (found.process_noise_ratio > 1e6).all()


def test_person_who_starts_moving_is_followed():
    rng = np.random.default_rng(7)
    _, measured = random_walk(rng, 10, 400, 0.0, 0.01)
    measured[380:, 0, 0] += 3.0 * np.arange(1, 21)  # 3 px per frame, with noise of 1 px
    found, smoothed = smooth_all(measured)
    centre = (smoothed[:, 0, 0] + smoothed[:, 0, 2]) / 2
    assert np.abs(centre[20:380] - measured[0, 0, 0]).max() < 4
    assert np.abs(centre[380:] - measured[380:, 0, 0]).max() < 5
    assert (found.process_noise_ratio >= 0.1).all()


def test_person_who_reappears_elsewhere_is_reported_there():
    rng = np.random.default_rng(9)
    _, measured = random_walk(rng, 10, 100, 0.0, 0.01)
    seen = np.ones(measured.shape[:2], dtype=bool)
    seen[90:95, 0] = False
    measured[95:, 0, 0] += 15
    _, smoothed = smooth_all(measured, seen)
    centre = (smoothed[95, 0, 0] + smoothed[95, 0, 2]) / 2
    assert abs(centre - measured[95, 0, 0]) < 1e-9


def test_changes_over_several_frames_are_not_learned():
    rng = np.random.default_rng(8)
    _, measured = random_walk(rng, 20, 200, 0.01, 0.01)
    seen = np.ones(measured.shape[:2], dtype=bool)
    seen[3::4] = False  # no detection in every fourth frame, and a jump there
    for frame in range(3, 200, 4):
        measured[frame:] += rng.normal(0, 0.5, (20, 4)) * [100, 100, 0, 0]
    process_noise_ratio = smooth_all(measured, seen)[0].process_noise_ratio
    assert (process_noise_ratio[:2] < 4).all(), "jumps were learned"


def test_offset_scales_with_the_box():
    state = box_smoothing.initiate(BOX)
    found = BoxSmoother()
    found._square[:], found._product[:], found._num_changes = 1000, -400, 1000  # noisy
    near = np.array([[8.0, 0, 48, 110]])
    state = found.update(found.predict(state, XYWH, XYWH), np.array([0]), near, np.array([False]))
    seen = np.array([True])
    before = near - box_smoothing.smoothed_boxes(state, near, seen)
    assert (np.abs(before) > 0.1).any()
    xywh = boxes.xyxy_to_xywh(near)
    state = found.predict(state, xywh, 2 * xywh)
    np.testing.assert_allclose(
        2 * near - box_smoothing.smoothed_boxes(state, 2 * near, seen), 2 * before
    )
    np.testing.assert_allclose(
        box_smoothing.smoothed_boxes(state, np.zeros((1, 4)), ~seen), 2 * (near - before)
    )


def walking_people(frames, noise_std, seed=0):
    """True boxes (N, 4) and detections of each frame: six people who walk straight."""
    rng = np.random.default_rng(seed)
    place = np.column_stack([150.0 * np.arange(6), np.full(6, 100.0)])
    for _ in range(frames):
        place = place + np.array([2.0, 0.5])
        true = np.hstack([place, place + SIZE])
        yield true, Detections(true + rng.normal(0, noise_std, true.shape))


@pytest.mark.parametrize("noise_std", [0.0, 2.0])
def test_tracker_smooths_noisy_boxes_and_reports_exact_ones_unchanged(noise_std):
    smoothed, matched = DeepSort(), DeepSort(DeepSortConfig(smooth_boxes=False))
    off = []
    for true, detections in walking_people(200, noise_std):
        ours, theirs = smoothed.update(detections), matched.update(detections)
        np.testing.assert_array_equal(ours.id, theirs.id)
        np.testing.assert_array_equal(theirs.xyxy, detections.xyxy[theirs.detection])
        np.testing.assert_array_equal(ours.filtered_xyxy, theirs.filtered_xyxy)
        right = true[ours.detection]
        off.append([np.abs(found.xyxy - right).sum() for found in (ours, theirs)])
    ours, theirs = np.sum(off[30:], axis=0)
    assert ours < 0.8 * theirs if noise_std else ours < 1e-6
