"""Person matching: which stored person a track shows, if any."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.gallery import GalleryView
from deepsort_reid.identity.match_probability import MatchProbability
from deepsort_reid.identity.prototypes import Embeddings, Prototypes
from deepsort_reid.identity.travel_times import TravelTimes
from deepsort_reid.structures.numbers import median

_DEFAULT_DISTANCE = 0.5  # between identities, before any two were seen together
# Ratio test (Lowe 2004, "Distinctive image features from scale-invariant keypoints"): a quarter of
# the margin is enough where the nearest distance is at most this share of the second, of a track
# with many embeddings.
_RATIO = 0.4
_KEPT = 0.1  # normalised distance by which a person may be further away once decided
_HORIZON = 200  # observations over which the running means average


class PersonMatch(NamedTuple):
    """Result of a search for the person of a track.

    Attributes:
        person: the person, None when there is no clear one.
        probability: that the track shows `person`, or a new person when that is None.
        nearest: the nearest allowed person, None without one.
        distance: normalised distance of the nearest one, 1 on average between identities.
        runner_up: second nearest allowed person, None without one.
        runner_up_distance: its distance; infinite without one.
        runner_up_probability: that the track shows the runner-up.
        reason: the decision in words.
    """

    person: int | None
    probability: float
    nearest: int | None
    distance: float
    runner_up: int | None
    runner_up_distance: float
    runner_up_probability: float
    reason: str

    @property
    def probability_stored(self) -> float:
        """That the track shows one of the stored persons."""
        known = self.probability + self.runner_up_probability
        return known if self.person is not None else 1 - self.probability


class PersonMatching:
    """Matches tracks to persons by the distance of their nearest prototypes.

    Distances are normalised by the mean distance between people who were seen together.

    Args:
        max_normalized_distance: maximum distance of a match.
        margin: minimum difference to the second nearest person, or to 1 where that is nearer,
            a quarter of that where the nearest is much nearer in proportion.
        small_sample_margin: added to `margin`, divided by the number of embeddings of the track.
    """

    def __init__(
        self,
        max_normalized_distance: float = 0.35,
        margin: float = 0.2,
        small_sample_margin: float = 0.6,
    ) -> None:
        self.max_normalized_distance = max_normalized_distance
        self.margin = margin
        self.small_sample_margin = small_sample_margin
        self.inter_identity_distance = _DEFAULT_DISTANCE
        self.num_observations = 0
        self.probability = MatchProbability()
        self.travel_times = TravelTimes()

    @property
    def join_distance(self) -> float:
        """Cosine distance up to which embeddings of a track share a prototype."""
        return 0.25 * self.inter_identity_distance

    def observe(self, track: Prototypes, others: Embeddings) -> None:
        """Calibrate with a track and the tracks seen together with it, which are other people.

        Args:
            track: prototypes of the track.
            others: prototypes (Q, D) of all the others.
        """
        if not len(track.embedding) or not len(others):
            return
        distance = float(median((1 - track.embedding @ others.T).ravel()))
        self.num_observations += 1
        weight = 1 / min(self.num_observations, _HORIZON)
        self.inter_identity_distance += weight * (distance - self.inter_identity_distance)

    def observe_track(self, track: Prototypes) -> None:
        """Calibrate with the distances between poses of one track."""
        if len(track.embedding) > 1:
            similarity = track.embedding @ track.embedding.T
            np.fill_diagonal(similarity, -1)
            distance = (1 - similarity.max(axis=1)) / max(self.inter_identity_distance, 1e-3)
            self.probability.observe_same(distance)

    def match(
        self,
        track: Prototypes,
        gallery: GalleryView,
        current: int | None = None,
        *,
        inter_identity_distance: float | None = None,
        name: Callable[[int], str] = "person {}".format,
    ) -> PersonMatch:
        """Search the person of a track.

        Args:
            track: its prototypes (P, D).
            gallery: prototypes of other tracks; rows that are not `allowed` are no candidates.
            current: the person to which the track belongs together with others: it is kept as long
                as it is the nearest and not far away.
            inter_identity_distance: by which distances are normalised; the own one when not given.
            name: of a person, for the reason.
        """
        unit = inter_identity_distance or self.inter_identity_distance
        margin = self.margin + self.small_sample_margin / max(float(track.counts.sum()), 1.0)
        similarity = self._similarities(track, gallery)
        if gallery.shift is not None:
            similarity = similarity + (unit * gallery.shift).astype(np.float32)
        nearest, distance_1 = _nearest(similarity, gallery, unit)
        if nearest is None:
            reason = "no person to compare with"
            return PersonMatch(None, 1.0, None, np.inf, None, np.inf, 0.0, reason)
        similarity[gallery.person == nearest] = -np.inf
        others = 1 - similarity[np.isfinite(similarity)].astype(np.float64)
        second, distance_2 = _nearest(similarity, gallery, unit)
        far = min(distance_2, 1.0)
        if distance_1 <= _RATIO * self.margin / margin * far:
            margin /= 4
        clear = (distance_1 <= self.max_normalized_distance and far - distance_1 >= margin) or (
            nearest == current and distance_1 <= self.max_normalized_distance + _KEPT
        )
        reason = f"nearest {name(nearest)} at distance {distance_1:.2f}"
        if distance_1 > self.max_normalized_distance:
            reason += f", above the maximum of {self.max_normalized_distance:.2f}"
        elif second is not None and distance_2 < 1:
            reason += f", second {name(second)} at {distance_2:.2f}"
        else:
            reason += ", no other below 1.00"
        if distance_1 <= self.max_normalized_distance:
            reason += f": {'clear' if clear else 'not clear'}, required margin {margin:.2f}"
        first, other = self.probability.of(distance_1, distance_2, others / max(unit, 1e-3))
        return PersonMatch(
            nearest if clear else None,
            first if clear else 1 - first - other,
            nearest,
            distance_1,
            second,
            distance_2,
            other,
            reason,
        )

    def _similarities(self, track: Prototypes, gallery: GalleryView) -> NDArray[np.float32]:
        """Largest cosine of each row (G,) with a prototype of the track; -inf if not allowed."""
        if not len(track.embedding) or not gallery.allowed.any():
            return np.full(len(gallery.allowed), -np.inf, dtype=np.float32)
        similarity = (track.embedding @ gallery.prototypes.T).max(axis=0)
        similarity[~gallery.allowed] = -np.inf
        return np.asarray(similarity)

    def state_dict(self) -> dict[str, Any]:
        """The calibration as plain numbers."""
        return {
            "inter_identity_distance": float(self.inter_identity_distance),
            "num_observations": int(self.num_observations),
            "probability": self.probability.state_dict(),
            "travel_times": self.travel_times.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self.inter_identity_distance = float(state["inter_identity_distance"])
        self.num_observations = int(state["num_observations"])
        self.probability.load_state_dict(state["probability"])
        self.travel_times.load_state_dict(state["travel_times"])


def _nearest(
    similarity: NDArray[np.float32], gallery: GalleryView, unit: float
) -> tuple[int | None, float]:
    """Person of the most similar row and its normalised distance; None and inf without one."""
    row = int(similarity.argmax()) if len(similarity) else -1
    if row < 0 or np.isneginf(similarity[row]):
        return None, np.inf
    return int(gallery.person[row]), (1 - float(similarity[row])) / max(unit, 1e-3)
