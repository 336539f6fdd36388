"""Travel times between cameras, learned from confident joins.

Where people walk from one camera to another, the times between leaving one view and entering the
other are similar. They change the distance to a person by a likelihood ratio: the density of the
time among joins, divided by its density among all stored tracks of that camera. The ratio is
bounded, so that no decision depends on time alone, and about 1 where times carry no information.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_MIN_JOINS = 20  # of a pair of cameras, from which their times are used
_MAX_JOINS = 50  # the latest ones
_MAX_LOG_RATIO = 2.0
_CHANCE = 0.7  # log-ratios that few joins show by chance, where times carry no information
_DISTANCE_PER_LOG_RATIO = 0.04  # normalised; as steep as the log-ratio of distances itself
_OUTLIERS = 0.1  # share of joins with any time
_LOWEST_SPREAD, _LOWEST_SPREAD_OF_ALL = 0.1, 0.5  # of logarithms of times


class TravelTimes:
    """Times between pairs of cameras; those of joins are kept as logarithms of 1 + time."""

    def __init__(self) -> None:
        # Replaced, not changed: an operation may be undone.
        self._times: dict[tuple[int, int], tuple[float, ...]] = {}

    def observe(self, first: int, second: int, time: float) -> None:
        """Add the time of a join: from the end of a track of camera `first` to one of `second`."""
        known = self._times.get((first, second), ())
        added = round(math.log1p(time), 3)
        self._times = {**self._times, (first, second): (*known, added)[-_MAX_JOINS:]}

    def shift(
        self, camera: int, first_time: float, person: Ints, cameras: Ints, last_time: Array
    ) -> Array | None:
        """The amounts to subtract from the normalised distances (G,) of a track; None for none.

        Args:
            camera, first_time: of the track.
            person, cameras, last_time: of stored tracks (G,); a NaN time is unknown. All tracks of
                a person get the amount of the latest one before this track.
        """
        known = {first: times for (first, second), times in self._times.items() if second == camera}
        known = {first: times for first, times in known.items() if len(times) >= _MIN_JOINS}
        rows = np.flatnonzero(last_time <= first_time) if known else np.empty(0, dtype=np.int64)
        if not len(rows):
            return None
        rows = rows[np.lexsort((last_time[rows], person[rows]))]
        latest = rows[np.append(person[rows][1:] != person[rows][:-1], True)]
        ratio = np.zeros(len(latest))
        times = np.log1p(first_time - last_time[latest])
        for first, joined in known.items():
            chosen = cameras[latest] == first
            if chosen.any():
                ratio[chosen] = self._log_ratio(times[chosen], np.array(joined))
        place = np.minimum(np.searchsorted(person[latest], person), len(latest) - 1)
        is_known = person[latest[place]] == person
        return np.where(is_known, _DISTANCE_PER_LOG_RATIO * ratio[place], 0.0)

    @staticmethod
    def _log_ratio(times: Array, joined: Array) -> Array:
        """Log-ratio (R,) of the densities of times among joins and among all R tracks."""
        of_all = _density(times, times, _LOWEST_SPREAD_OF_ALL)
        of_joins = _density(times, joined, _LOWEST_SPREAD)
        of_joins = (1 - _OUTLIERS) * of_joins + _OUTLIERS * of_all
        ratio = np.log(of_joins / of_all)
        ratio -= np.clip(ratio, -_CHANCE, _CHANCE)
        return np.clip(ratio, -_MAX_LOG_RATIO, _MAX_LOG_RATIO)

    def state_dict(self) -> dict[str, Any]:
        """The times as plain numbers."""
        return {"times": [[*pair, list(times)] for pair, times in sorted(self._times.items())]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._times = {
            (int(first), int(second)): tuple(map(float, times))
            for first, second, times in state["times"]
        }


def _density(values: Array, sample: Array, lowest_spread: float) -> Array:
    """Density at values of a normal distribution with the median and the spread of a sample."""
    center = float(np.median(sample))
    spread = max(1.4826 * float(np.median(np.abs(sample - center))), lowest_spread)
    return np.asarray(np.exp(-(((values - center) / spread) ** 2) / 2) / spread + 1e-12)
