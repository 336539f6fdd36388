"""Which box to report: how much detections shake is measured in this very video, and taken out.

A detection is the person's box plus an error of its own, new in every frame. Such an error leaves a
mark: a box that was too far left must come back, so what a coordinate does from one frame to the
next is anticorrelated with what it did before. A coordinate that wanders with variance q per frame
and is measured with variance r changes with variance q + 2 r and with covariance -r between
successive changes, so that their correlation tells the ratio of the two,

    rho = -r / (q + 2 r)        q / r = -1 / rho - 2

and the ratio is all that the best estimate needs (exponential smoothing; Muth 1960). No noise has
to be known beforehand: of boxes that shake an average over past frames is reported, and where
changes are not anticorrelated boxes are exact, or err alike for many frames, and stay as they are.
A person whose own changes reverse within two frames, as steps do at few frames per second, cannot
be told from a shaking box. What is farther off than shaking explains is the person's, and believed.

Changes are counted from where the motion filter carried the last box, and in units of the person:
centres by the height, sizes by their logarithm. A `calm` array has shape (N, 4, 4) float64: per
track the rows below, per row centre x, centre y (pixels), log width and log height.
"""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]

# Where the last detection would be by now; how far it lay off the steady box; the variance of the
# steady box in units of r; the last change in units of the person, NaN where there was none.
_CARRIED, _OFFSET, _VARIANCE, _CHANGE = range(4)

_HORIZON = 200  # updates that the running sums look back
_OUTLIER = 3.0  # standard deviations to which a change is cut: a wrong match must not decide
# People do move, even where all of them stood still so far: at this ratio a steady box makes up for
# a quarter of what it is off in a frame.
_LEAST_WANDER = 0.1
_BELIEVED = 5.0  # standard deviations off the steady box from which a detection is right
_NO_SHAKING = 1e9
_CERTAIN = 2.0  # standard errors that the correlation must lie below zero
_EXACT = 1e-6  # of the height: changes of this size are rounding, not shaking


def begin(xyxy: Array) -> Array:
    """The `calm` rows (M, 4, 4) of tracks that were just seen for the first time, at (M, 4)."""
    calm = np.zeros((len(xyxy), 4, 4))
    calm[:, _CARRIED] = _logged(xyxy)
    calm[:, _VARIANCE] = 1
    calm[:, _CHANGE] = np.nan
    return calm


def steady_boxes(calm: Array, matched_xyxy: Array, seen: NDArray[np.bool_]) -> Array:
    """Boxes (N, 4): the matched one less its offset where a track is `seen` (N,), else carried on.

    A box without an offset stays exactly what it was.
    """
    xyxy = np.where(seen[:, None], matched_xyxy, _boxes(calm[:, _CARRIED]))
    offset = calm[:, _OFFSET]
    size = xyxy[:, 2:] - xyxy[:, :2]
    # Half of what the size loses goes to either side.
    inset = size * -np.expm1(-offset[:, 2:]) / 2
    return np.asarray(xyxy - np.tile(offset[:, :2], 2) + np.hstack([inset, -inset]))


class Jitter:
    """How boxes of one video shake: running sums over its tracks, coordinate by coordinate."""

    def __init__(self) -> None:
        self._changes = 0.0
        self._square = np.zeros(4)
        self._product = np.zeros(4)

    @property
    def wander(self) -> Array:
        """q / r (4,): what moves the true box in an update, in units of what shakes its detection.

        At least 0.1; and 1e9 where boxes do not shake, or nothing is known yet.
        """
        product = self._certain_product()
        square = self._square + self._changes * _EXACT**2
        ratio = -square / np.where(product < 0, product, -1) - 2
        return np.where(product < 0, np.maximum(ratio, _LEAST_WANDER), _NO_SHAKING)

    @property
    def _shaking(self) -> Array:
        """r (4,), in squared units of the person."""
        return -self._certain_product() / max(self._changes, 1)

    def _certain_product(self) -> Array:
        """Sum of products (4,) of successive changes; 0 where it might be negative by chance."""
        error = self._square / np.sqrt(max(self._changes, 1))
        return np.where(self._product < -_CERTAIN * error, self._product, 0.0)

    def carry(self, calm: Array, before_xyxy: Array, after_xyxy: Array) -> Array:
        """`calm` an update later, in which the filter moved the tracks' boxes (N, 4) so."""
        before, after = _logged(before_xyxy), _logged(after_xyxy)
        calm = calm.copy()
        calm[:, _CARRIED] += after - before
        # An offset of the centre is in pixels: it grows with the person.
        calm[:, _OFFSET, :2] *= np.exp((after - before)[:, 3:])
        calm[:, _VARIANCE] += self.wander
        return calm

    def see(self, calm: Array, matched: NDArray[np.intp], xyxy: Array, coasted: Array) -> Array:
        """`calm` after the tracks `matched` (K,) were seen at (K, 4), and no others.

        What a box did while its track was unseen, `coasted` (K,), says nothing about one frame.
        """
        calm = calm.copy()
        rows = calm[matched]
        measured = _logged(xyxy)
        change = measured - rows[:, _CARRIED]
        scale = np.ones_like(change)
        scale[:, :2] = np.exp(measured[:, 3:])
        off = change + rows[:, _OFFSET]
        expected = self._shaking * (rows[:, _VARIANCE] + 1)
        plain = (off / scale) ** 2 > _BELIEVED**2 * expected
        gain = np.where(plain, 1, 1 / (1 + 1 / rows[:, _VARIANCE]))
        in_units = np.where(coasted[:, None], np.nan, change / scale)
        self._learn(rows[:, _CHANGE], in_units)
        calm[:, _CHANGE] = np.nan
        updated = (measured, (1 - gain) * off, gain, in_units)
        calm[matched] = np.stack(updated, axis=1)
        return calm

    def _learn(self, before: Array, now: Array) -> None:
        """Take in changes (K, 4) of two successive frames; NaN where a track had none."""
        both = np.isfinite(before[:, 0] + now[:, 0])
        if not both.any():
            return
        before, now = before[both], now[both]
        keep = 1 - 1 / _HORIZON
        square, changes = keep * self._square, keep * self._changes + len(now)
        spread = np.sqrt((square + (now * now).sum(axis=0)) / changes)
        limit = _OUTLIER * spread
        before, now = np.clip(before, -limit, limit), np.clip(now, -limit, limit)
        self._square = square + (before * before + now * now).sum(axis=0) / 2
        self._product = keep * self._product + (before * now).sum(axis=0)
        self._changes = changes


def _logged(xyxy: Array) -> Array:
    """Centre and logarithm of the size (N, 4)."""
    xywh = boxes.xyxy_to_xywh(xyxy)
    xywh[:, 2:] = np.log(np.maximum(xywh[:, 2:], 1e-9))
    return xywh


def _boxes(logged: Array) -> Array:
    return boxes.xywh_to_xyxy(np.hstack([logged[:, :2], np.exp(logged[:, 2:])]))
