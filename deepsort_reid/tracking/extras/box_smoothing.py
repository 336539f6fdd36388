"""Box smoothing: detector noise is measured in the video and removed from the reported boxes.

A detection is the person's box plus an independent error in each frame. Such errors make
successive changes of a coordinate anticorrelated: a box that was too far left comes back. If a
coordinate is a random walk with variance q per frame, measured with variance r, its changes have
variance q + 2 r and successive changes have covariance -r. Their correlation rho gives the ratio,

    rho = -r / (q + 2 r)        q / r = -1 / rho - 2

which is all that the optimal filter needs (exponential smoothing; Muth 1960). No noise has to be
known beforehand. Where detections are noisy, a weighted mean over past frames is reported; where
changes are not anticorrelated, boxes are exact, or have the same error for many frames, and are
reported as they are. Motion of a person that reverses within two frames, such as steps at few
frames per second, cannot be told from noise. An offset too large for noise is taken as motion.

Changes are relative to the last box as moved by the Kalman filter, and scale-free: centres are
divided by the height, sizes are logarithms. A `smoother_state` array has shape (N, 4, 4) float64:
per track the rows below, per row centre x, centre y (pixels), log width and log height.
"""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]

# The last detection, moved on by the Kalman filter; its offset from the smoothed box; the variance
# of the smoothed box in units of r; the last change, scale-free, NaN where there was none.
_PREDICTED, _OFFSET, _VARIANCE, _CHANGE = range(4)

_HORIZON = 200  # updates over which the running sums average
_CLIP_STD = 3.0  # standard deviations at which changes are clipped, because of wrong matches
# Lower bound on q / r, so that the smoother still follows a person who starts moving: it then
# corrects a quarter of the offset in each frame.
_MIN_PROCESS_NOISE_RATIO = 0.1
_MAX_OFFSET_STD = 5.0  # standard deviations from the smoothed box above which a detection is right
_NO_NOISE_RATIO = 1e9
_SIGNIFICANCE = 2.0  # standard errors by which the correlation must be below zero
_MIN_SIZE_PX = 1e-9  # sizes below count as this: their logarithm would be infinite
_ROUNDING = 1e-6  # of the height: changes of this size are rounding errors


def initiate(xyxy: Array) -> Array:
    """State (M, 4, 4) of tracks that start at boxes (M, 4)."""
    state = np.zeros((len(xyxy), 4, 4))
    state[:, _PREDICTED] = _to_log(xyxy)
    state[:, _VARIANCE] = 1
    state[:, _CHANGE] = np.nan
    return state


def smoothed_boxes(state: Array, matched_xyxy: Array, matched: NDArray[np.bool_]) -> Array:
    """Boxes (N, 4) to report: the detection, or where `matched` (N,) is False the prediction,
    less its offset from the smoothed box.

    A box without an offset is returned exactly.
    """
    if np.count_nonzero(matched) < len(matched):
        predicted = _from_log(state[:, _PREDICTED])
        matched_xyxy = np.where(matched[:, None], matched_xyxy, predicted)
    xyxy, offset = matched_xyxy.copy(), state[:, _OFFSET]
    size = xyxy[:, 2:] - xyxy[:, :2]
    inset = size * np.expm1(-offset[:, 2:]) / -2  # half of the difference in size on either side
    xyxy[:, :2] -= offset[:, :2] - inset
    xyxy[:, 2:] -= offset[:, :2] + inset
    return xyxy


class BoxSmoother:
    """Estimates the detector noise of one video, for each coordinate, and smooths boxes with it."""

    def __init__(self) -> None:
        self._num_changes = 0.0
        self._square = np.zeros(4)  # sum of squared changes
        self._product = np.zeros(4)  # sum of products of successive changes

    @property
    def process_noise_ratio(self) -> Array:
        """q / r (4,): variance of the motion per update over variance of the detection error.

        At least 0.1; 1e9 where there is no noise, or none is known yet.
        """
        product = self._significant_product()
        square = self._square + self._num_changes * _ROUNDING**2
        ratio = -square / np.where(product < 0, product, -1) - 2
        bounded = np.maximum(ratio, _MIN_PROCESS_NOISE_RATIO)
        return np.where(product < 0, bounded, _NO_NOISE_RATIO)

    @property
    def measurement_noise(self) -> Array:
        """r (4,): variance of the detection error, scale-free; 0 where there is none."""
        return -self._significant_product() / max(self._num_changes, 1)

    def _significant_product(self) -> Array:
        """The sum of products (4,); 0 where it may be negative by chance."""
        error = self._square / np.sqrt(max(self._num_changes, 1))
        return np.where(self._product < -_SIGNIFICANCE * error, self._product, 0.0)

    def predict(self, state: Array, previous_xywh: Array, predicted_xywh: Array) -> Array:
        """State (N, 4, 4) one update later; the Kalman filter moved the boxes (N, 4) like this.

        Boxes are centre, width and height in pixels.
        """
        previous_size, size = (
            np.maximum(xywh[:, 2:], _MIN_SIZE_PX) for xywh in (previous_xywh, predicted_xywh)
        )
        scale = size / previous_size
        state = state.copy()
        state[:, _PREDICTED, :2] += predicted_xywh[:, :2] - previous_xywh[:, :2]
        state[:, _PREDICTED, 2:] += np.log(scale)
        # The offset of the centre is in pixels: it scales with the height.
        state[:, _OFFSET, :2] *= scale[:, 1:]
        state[:, _VARIANCE] += self.process_noise_ratio
        return state

    def update(
        self, state: Array, rows: NDArray[np.intp], xyxy: Array, coasted: NDArray[np.bool_]
    ) -> Array:
        """State (N, 4, 4) after the tracks `rows` (K,), and no others, were matched to (K, 4).

        Changes of tracks that `coasted` (K,) are not learned from: they span several frames.
        """
        state = state.copy()
        predicted, previous_offset, variance, previous_change = state.take(rows, axis=0).swapaxes(
            0, 1
        )
        measured = _to_log(xyxy)
        change = measured - predicted
        offset = change + previous_offset
        # Offset and change in units of the height; those of the size are logarithms already.
        relative_offset, scale_free = offset.copy(), change.copy()
        height = np.maximum(xyxy[:, 3:] - xyxy[:, 1:2], _MIN_SIZE_PX)
        relative_offset[:, :2] /= height
        scale_free[:, :2] /= height
        expected = _MAX_OFFSET_STD**2 * self.measurement_noise * (variance + 1)
        is_motion = relative_offset * relative_offset > expected
        gain = np.where(is_motion, 1, variance / (variance + 1))
        scale_free[coasted] = np.nan
        self._learn(previous_change, scale_free)
        state[:, _CHANGE] = np.nan
        state[rows] = np.stack((measured, (1 - gain) * offset, gain, scale_free), axis=1)
        return state

    def _learn(self, previous: Array, current: Array) -> None:
        """Update the sums with changes (K, 4) of two successive frames, NaN where there is none."""
        both = np.isfinite(previous[:, 0] + current[:, 0])
        if not np.count_nonzero(both):
            return
        previous, current = previous.compress(both, axis=0), current.compress(both, axis=0)
        keep = 1 - 1 / _HORIZON
        square, num_changes = keep * self._square, keep * self._num_changes + len(current)
        std = np.sqrt((square + (current * current).sum(axis=0)) / num_changes)
        limit = _CLIP_STD * std
        previous, current = (
            np.minimum(np.maximum(each, -limit), limit) for each in (previous, current)
        )
        self._square = square + (previous * previous + current * current).sum(axis=0) / 2
        self._product = keep * self._product + (previous * current).sum(axis=0)
        self._num_changes = num_changes


def _to_log(xyxy: Array) -> Array:
    """Centre and logarithm of the size (N, 4) of boxes (N, 4)."""
    xywh = boxes.xyxy_to_xywh(xyxy)
    xywh[:, 2:] = np.log(np.maximum(xywh[:, 2:], _MIN_SIZE_PX))
    return xywh


def _from_log(log_xywh: Array) -> Array:
    """Boxes (N, 4) of centre and logarithm of the size (N, 4)."""
    return boxes.xywh_to_xyxy(np.concatenate([log_xywh[:, :2], np.exp(log_xywh[:, 2:])], axis=1))
