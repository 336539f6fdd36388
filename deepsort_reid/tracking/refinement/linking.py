"""Linking of track fragments: whether a track that begins continues one that ended.

Every pair of an ended and a later begun track gets a log likelihood ratio of "the same person"
against "another person": what motion says plus what appearance says, as in the association of
tracks and detections (`likelihood_ratio`). There is more to compare here: the position is predicted
forwards from the end of one track and backwards from the beginning of the other, and the appearance
of a track is the mean of many embeddings.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import allowed_pairs, assign
from deepsort_reid.tracking.distance_calibration import MIN_INTER_IDENTITY_DISTANCE
from deepsort_reid.tracking.kalman import (
    PEDESTRIAN_MOTION,
    POSITION,
    PV,
    VELOCITY,
    VV,
    AspectMotion,
    MotionModel,
    SizeMotion,
)
from deepsort_reid.tracking.likelihood_ratio import AppearanceLLR, MotionLLR
from deepsort_reid.tracking.settings import require_finite, require_positive, require_type

Array = NDArray[np.float64]
Pairs = NDArray[np.intp]

# Frames at the end of a track from which its motion is estimated: older ones say where the person
# came from, not where the person is heading.
ENDPOINT_FRAMES = 30
# Frames since the last match, for the appearance model: a mean embedding describes the whole track,
# not its last moment, so the long-term statistics apply.
_LONG_TERM = 10_000


@dataclass(frozen=True, eq=False)
class TrackEndpoints:
    """The ends, or the beginnings, of N tracks.

    Attributes:
        time: of the last (or first) observation, in frames (N,).
        motion: at that time (N, 5, 4), in forward time.
        embedding: mean embedding (N, D) of the track, unit rows; zeros where there is none.
    """

    time: Array
    motion: Array
    embedding: Array

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: Pairs) -> "TrackEndpoints":
        """The endpoints in these rows."""
        return TrackEndpoints(self.time[rows], self.motion[rows], self.embedding[rows])

    @property
    def has_embedding(self) -> NDArray[np.bool_]:
        """Whether each track (N,) has an embedding."""
        return np.asarray(self.embedding.any(axis=1))


@dataclass(frozen=True, kw_only=True)
class Linking:
    """Rule for linking tracks: `linking(ended, begun, inter_identity_distance)`.

    A wrong link gives a person the id of another one for the rest of the video, whereas a missing
    link only leaves the identity switch that the tracker has made already. A link therefore needs a
    high likelihood ratio, and a clear margin over every other link of the same two tracks.

    Raises ValueError when a number is not finite, `position_memory` is not above 0, or a part is
    something else.
    """

    min_llr: float = 3.0  # log likelihood ratio that a link needs: 20 to 1
    # The same without appearance, 150 to 1: the tracker predicted this very position, and did not
    # match the new detections to the ended track.
    min_llr_motion_only: float = 5.0
    margin: float = 2.0  # log likelihood ratio over the best other link of either track
    # Frames after which the last position is as likely as not to be irrelevant: the person turned
    # round, or left the image and came back.
    position_memory: float = 300.0
    model: MotionModel = PEDESTRIAN_MOTION
    motion: MotionLLR = field(default_factory=MotionLLR)
    # Mean embeddings vary less than single ones: for two halves of one track, their distance is 0.1
    # to 0.4 of the inter-identity distance. One bad embedding changes a mean little, so appearance
    # may contribute more than in the association.
    appearance: AppearanceLLR = field(
        default_factory=lambda: AppearanceLLR(
            same_mean_long=0.3, same_std_long=0.2, other_std=0.28, llr_cap=6.0, llr_floor=-10.0
        )
    )

    def __post_init__(self) -> None:
        require_finite(self, "min_llr", "min_llr_motion_only", "margin")
        require_positive(self, "position_memory")
        require_type("model", self.model, AspectMotion, SizeMotion)
        require_type("motion", self.motion, MotionLLR)
        require_type("appearance", self.appearance, AppearanceLLR)

    def __call__(
        self, ended: TrackEndpoints, begun: TrackEndpoints, inter_identity_distance: float
    ) -> Pairs:
        """Links as pairs (K, 2) of rows of `ended` (N) and `begun` (M), each row at most once.

        `inter_identity_distance` is the cosine distance between mean embeddings of different people
        of this video; NaN where unknown, which disables appearance.
        """
        llr = self.log_likelihood_ratio(ended, begun, inter_identity_distance)
        best_other = np.maximum(_best_other(llr, 0), _best_other(llr, 1))
        cost = np.where(llr >= best_other + self.margin, -llr, np.inf)
        return assign(allowed_pairs(cost, -self.min_llr)).pairs

    def log_likelihood_ratio(
        self, ended: TrackEndpoints, begun: TrackEndpoints, inter_identity_distance: float
    ) -> Array:
        """Log likelihood ratio (N, M) of "the same person".

        It is -inf where one track begins before the other ends, and where their embeddings differ
        as much as those of different people do.
        """
        gap = begun.time - ended.time[:, None]
        llr = np.full(gap.shape, -np.inf)
        before, after = np.nonzero(gap > 0)
        if not len(before):
            return llr
        first, second = ended[before], begun[after]
        found = self._motion_llr(first.motion, second.motion, gap[before, after])
        comparable = first.has_embedding & second.has_embedding
        comparable &= inter_identity_distance > MIN_INTER_IDENTITY_DISTANCE
        # Without any embedding their width is unknown, and the rows cannot be multiplied.
        if comparable.any():
            similarity = np.einsum(
                "pd,pd->p", first.embedding[comparable], second.embedding[comparable]
            )
            distance = (1 - similarity[:, None]) / inter_identity_distance
            appearance = self.appearance(distance, np.full(len(distance), _LONG_TERM))[:, 0]
            # Another person may stand where the first one was: appearance must not be against.
            found[comparable] += np.where(appearance > 0, appearance, -np.inf)
        found[~comparable] += self.min_llr - self.min_llr_motion_only
        llr[before, after] = found
        return llr

    def is_motion_consistent(
        self, ended: TrackEndpoints, begun: TrackEndpoints
    ) -> NDArray[np.bool_]:
        """Whether motion alone supports the link of each of N pairs (N,).

        A link that appearance alone supports may skip any distance, and then the path between the
        two tracks is unknown.
        """
        return self._motion_llr(ended.motion, begun.motion, begun.time - ended.time) > 0

    def _motion_llr(self, end: Array, beginning: Array, gap: Array) -> Array:
        """What motion says (P,) of P pairs of an end and a beginning `gap` (P,) frames later."""
        # The offset must be plausible both for the prediction forwards and for the one backwards.
        model, offset_llr = self.model, self.motion.pairwise
        forwards = offset_llr(model, _extrapolate(model, end, gap), beginning[:, POSITION])
        backwards = offset_llr(
            model, _extrapolate(model, reverse_time(beginning), gap), end[:, POSITION]
        )
        continued = np.minimum(forwards, backwards)
        irrelevant = gap / (gap + self.position_memory)  # probability
        return np.asarray(np.logaddexp(np.log1p(-irrelevant) + continued, np.log(irrelevant)))


def motion_at_end(model: MotionModel, xyxy: Array) -> Array:
    """Motion (N, 5, 4) at the last of L frames, from boxes (N, L, 4), NaN where not observed.

    Each track needs at least one box. With the frames in reverse order, the result is the motion at
    the beginning, in reversed time.
    """
    motion = np.zeros((len(xyxy), 5, 4))
    measured = model.measure(xyxy.reshape(-1, 4)).reshape(xyxy.shape)
    observed = np.isfinite(xyxy[:, :, 0])
    first = observed.argmax(axis=1)
    for number in range(int(first.min(initial=0)), xyxy.shape[1]):
        initiated, new = first < number, first == number
        again = observed[:, number] & initiated
        if initiated.any():
            motion[initiated] = kalman.predict(model, motion[initiated])
        if again.any():
            motion[again] = kalman.correct(model, motion[again], measured[again, number])
        if new.any():
            motion[new] = kalman.initiate(model, measured[new, number])
    return motion


def reverse_time(motion: Array) -> Array:
    """The same motion (N, 5, 4) in reversed time."""
    reversed_motion = motion.copy()
    reversed_motion[:, [VELOCITY, PV]] *= -1
    return reversed_motion


def normalize_rows(rows: Array) -> Array:
    """The rows (N, D) scaled to length 1; rows of zeros stay zeros."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, length, out=np.zeros_like(rows), where=length > 0))


def _extrapolate(model: MotionModel, motion: Array, gap: Array) -> Array:
    """Motion of tracks (P, 5, 4) after `gap` (P,) frames without an observation."""
    constant_size = motion.copy()
    # A change of size, extrapolated over a gap, soon gives absurd sizes.
    constant_size[:, [VELOCITY, PV, VV], 2:] = 0
    return kalman.predict(model, constant_size, gap[:, None])


def _best_other(llr: Array, axis: int) -> Array:
    """The highest value along the axis of `llr` (N, M), each entry itself left out."""
    if llr.shape[axis] < 2:
        return np.full(llr.shape, -np.inf)
    ordered = np.sort(llr, axis=axis)
    best, second = (np.expand_dims(np.take(ordered, k, axis=axis), axis) for k in (-1, -2))
    return np.where(llr == best, second, best)
