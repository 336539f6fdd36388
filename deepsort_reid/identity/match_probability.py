"""Probability that a track and its nearest stored person are one, without labels.

A track shows one of the stored persons with probability `returning`, otherwise a new person. If the
nearest person is the same, the distance has the distribution of distances between poses within
tracks. If it is another one, the distance has that of the distances between this track and all
stored persons, nearly all of whom are other people. R prototypes of others make a small distance R
times as likely. Bayes' rule gives

    odds of a person = returning / (1 - returning) * same(d) / (R * other(d)).

`other` is a Student t distribution: people who resemble each other are more frequent than with a
normal one. `returning` is estimated by the probabilities themselves (expectation-maximisation).
The constants were chosen on the training identities of Market-1501, with two embedders.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

_HORIZON = 200  # observations over which the running means average
_PRIOR = 10  # observations that a default counts
_SAME_MEAN, _SAME_STD = 0.3, 0.12  # normalised distances, before anything was observed
_FEW, _OTHER_MEAN, _OTHER_STD = 3, 0.9, 0.3
_DEGREES_OF_FREEDOM = 30.0
_RETURNING = 0.5
_LOWEST_STD = 0.03
_HIGHEST = 0.985  # people in identical clothes cannot be distinguished by a distance


class MatchProbability:
    """Running distributions of normalised distances.

    Attributes:
        same_mean, same_std: between poses of one track.
        returning: share of searched tracks whose person is stored already.
    """

    _NAMES = ("same_mean", "same_std", "returning", "_num_same", "_num_searched")

    def __init__(self) -> None:
        self.same_mean, self.same_std, self.returning = _SAME_MEAN, _SAME_STD, _RETURNING
        self._num_same = self._num_searched = _PRIOR

    def observe_same(self, distance: Array) -> None:
        """Update with distances (K,) of each prototype of a track to the nearest other one."""
        if not len(distance):
            return
        self._num_same = min(self._num_same + 1, _HORIZON)
        weight, mean = 1 / self._num_same, float(distance.mean())
        spread = float(((distance - self.same_mean) ** 2).mean())
        self.same_mean += weight * (mean - self.same_mean)
        variance = self.same_std**2 + weight * (spread - self.same_std**2)
        self.same_std = max(math.sqrt(variance), _LOWEST_STD)

    def of(self, nearest: float, second: float, others: Array) -> tuple[float, float]:
        """Probabilities of the nearest and the second nearest person.

        Args:
            nearest, second: their normalised distances; infinite without one.
            others: normalised distances (R,) of the track to prototypes of other persons.
        """
        number = len(others) + _FEW
        mean = (float(others.sum()) + _FEW * _OTHER_MEAN) / number
        squares = float(((others - mean) ** 2).sum()) + _FEW * _OTHER_STD**2
        std = max(math.sqrt(squares / number), _LOWEST_STD)
        odds = [
            math.exp(self._log_ratio(each, mean, std)) / max(len(others), 1)
            if math.isfinite(each)
            else 0.0
            for each in (nearest, second)
        ]
        prior = self.returning / (1 - self.returning)
        total = 1 + prior * sum(odds)
        # Rounded: a loaded registry compares in another order, whose sums differ in the last bits.
        first, second = (round(_HIGHEST * prior * each / total, 3) for each in odds)
        return first, second

    def observe_search(self, probability: float) -> None:
        """Update the share of returning people with the probability that one is stored."""
        self._num_searched = min(self._num_searched + 1, _HORIZON)
        self.returning += (probability - self.returning) / self._num_searched
        self.returning = min(max(self.returning, 0.01), 0.99)

    def _log_ratio(self, distance: float, mean: float, std: float) -> float:
        """Logarithm of the density of the same person divided by that of others."""
        same = max(distance - self.same_mean, 0.0) / self.same_std
        other = (distance - mean) / std
        nu = _DEGREES_OF_FREEDOM
        log_t = -(nu + 1) / 2 * math.log1p(min(other, 0.0) ** 2 / nu)
        constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - math.log(nu / 2) / 2
        return -(same**2) / 2 - math.log(self.same_std) - (constant + log_t - math.log(std))

    def state_dict(self) -> dict[str, Any]:
        """The running means as plain numbers."""
        return {name.lstrip("_"): getattr(self, name) for name in self._NAMES}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        for name in self._NAMES:
            kind = int if name.startswith("_num") else float
            setattr(self, name, kind(state[name.lstrip("_")]))
