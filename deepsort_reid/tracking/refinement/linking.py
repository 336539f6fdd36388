"""Is this track the continuation of that one? Two finished ends weighed against each other.

What the tracker asks of a track and a detection (`likelihood.py`) is asked here of a track that
ended and one that began later, with more to go by: the place is compared forwards from the end and
backwards from the beginning, and the looks of a whole track are a mean of many. The answer is a log
likelihood ratio again: what motion says plus what appearance says.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import assign
from deepsort_reid.tracking.distance_calibration import SMALLEST_UNIT
from deepsort_reid.tracking.kalman import POSITION, PV, VELOCITY, VV, WALKING, MotionModel
from deepsort_reid.tracking.likelihood_ratio import AppearanceLLR, MotionLLR

Array = NDArray[np.float64]
Pairs = NDArray[np.intp]

# The last frames of a track say where it was heading; more would say where it came from.
END_FRAMES = 30
# Frames since the last sighting, for the looks: a mean over a track is no look of just now.
_LONG_AGO = 10_000


@dataclass(frozen=True, eq=False)
class Ends:
    """One end of N tracks: where they were last or first seen, and how their person looks.

    Attributes:
        time: in frames (N,).
        motion: at that time (N, 5, 4), time running forwards.
        look: mean embedding (N, D) of the track, unit rows; a row of zeros where none is known.
    """

    time: Array
    motion: Array
    look: Array

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: Pairs) -> "Ends":
        """The ends of the tracks of these rows."""
        return Ends(self.time[rows], self.motion[rows], self.look[rows])


@dataclass(frozen=True, kw_only=True)
class Linking:
    """When two tracks are one person.

    A wrong link gives one person the id of another for the rest of the video, and a missing one
    costs no more than the tracker's break has cost already: so the evidence must be clear, and
    clearer than that for everybody else who could be meant.

    Raises ValueError when a number is not finite, or `forget_place` is not above 0.
    """

    min_llr: float = 3.0  # log likelihood ratio: 20 to 1
    # And where there is no appearance to speak for it, 150 to 1: the tracker waited at that very
    # place, and did not take what came for its person.
    min_llr_motion_only: float = 5.0
    margin: float = 2.0  # and this much more than with anybody else
    # Frames in which it becomes as likely as not that the place left says nothing any more:
    # the person turned round, or left the picture and came back.
    forget_place: float = 300.0
    model: MotionModel = WALKING
    motion: MotionLLR = field(default_factory=MotionLLR)
    # Means of many looks scatter less than single ones: of two halves of one track they are at 0.1
    # to 0.4 of what different people have. A single look may mislead, so the tracker limits what
    # it may say; a mean of many does not.
    appearance: AppearanceLLR = field(
        default_factory=lambda: AppearanceLLR(
            same_mean_long=0.3, spread_later=0.2, most=6.0, least=-10.0
        )
    )

    def __post_init__(self) -> None:
        for name in ("min_llr", "min_llr_motion_only", "margin"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        if not 0 < self.forget_place < math.inf:
            raise ValueError(f"forget_place must be above 0 frames, got {self.forget_place}")

    def __call__(self, ended: Ends, begun: Ends, unit: float) -> Pairs:
        """Pairs (K, 2) of rows of `ended` (N) and of `begun` (M), each row at most once.

        `unit` is the cosine distance between mean looks of different people of this video, NaN
        where it is not known: appearance then says nothing.
        """
        evidence = self.evidence(ended, begun, unit)
        clear = evidence >= np.maximum(_second(evidence, 0), _second(evidence, 1)) + self.margin
        return assign(np.where(clear, -evidence, np.inf), -self.min_llr).pairs

    def evidence(self, ended: Ends, begun: Ends, unit: float) -> Array:
        """Log likelihood ratio (N, M) of "the same person"; -inf where that cannot be.

        That is where the one began before the other ended, and where their looks differ as those
        of different people do.
        """
        gap = begun.time - ended.time[:, None]
        evidence = np.full(gap.shape, -np.inf)
        before, after = np.nonzero(gap > 0)
        if not len(before):
            return evidence
        first, second = ended[before], begun[after]
        found = self._place(first.motion, second.motion, gap[before, after])
        seen = _known(ended)[before] & _known(begun)[after] & (unit > SMALLEST_UNIT)
        if seen.any():  # of nobody with a look the length of one is unknown
            similarity = np.einsum("pd,pd->p", first.look[seen], second.look[seen])
            share = (1 - similarity[:, None]) / unit
            looks = self.appearance(share, np.full(len(share), _LONG_AGO))[:, 0]
            # Somebody stands where somebody else stood all the time: looks must not speak against.
            found[seen] += np.where(looks > 0, looks, -np.inf)
        found[~seen] += self.min_llr - self.min_llr_motion_only
        evidence[before, after] = found
        return evidence

    def goes_on(self, ended: Ends, begun: Ends) -> NDArray[np.bool_]:
        """Whether motion speaks for each of N pairs (N,): the person walked from there to here.

        One who is known by appearance may have come back from anywhere; then nothing is known of
        the way.
        """
        return self._place(ended.motion, begun.motion, begun.time - ended.time) > 0

    def _place(self, tail: Array, head: Array, gap: Array) -> Array:
        """What motion says (P,) of P pairs of an end and a beginning `gap` (P,) frames later."""
        # The same offset, looked at from both sides: it must be plausible from either.
        model, offset = self.model, self.motion.pairwise
        there = offset(model, _after(model, tail, gap), head[:, POSITION])
        back = offset(model, _after(model, backwards(head), gap), tail[:, POSITION])
        moved = np.minimum(there, back)
        anywhere = gap / (gap + self.forget_place)
        return np.asarray(np.logaddexp(np.log1p(-anywhere) + moved, np.log(anywhere)))


def motion_at_end(model: MotionModel, xyxy: Array) -> Array:
    """Motion (N, 5, 4) at the last of L frames, from boxes (N, L, 4), NaN where unseen.

    Each track must have been seen at least once; with frames reversed, it is the motion at the
    beginning as seen backwards in time.
    """
    motion = np.zeros((len(xyxy), 5, 4))
    begun = np.zeros(len(xyxy), dtype=bool)
    for number in range(xyxy.shape[1]):
        here = xyxy[:, number]
        seen = np.isfinite(here[:, 0])
        motion[begun] = kalman.predict(model, motion[begun])
        again, new = seen & begun, seen & ~begun
        motion[again] = kalman.correct(model, motion[again], model.measure(here[again]))
        motion[new] = kalman.begin(model, model.measure(here[new]))
        begun |= seen
    return motion


def backwards(motion: Array) -> Array:
    """The same motion (N, 5, 4) with time running the other way."""
    turned = motion.copy()
    turned[:, [VELOCITY, PV]] *= -1
    return turned


def unit_rows(rows: Array) -> Array:
    """The rows (N, D) with length 1; rows of zeros stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, length, out=np.zeros_like(rows), where=length > 0))


def _after(model: MotionModel, motion: Array, gap: Array) -> Array:
    """Where tracks (P, 5, 4) are `gap` (P,) unseen frames later."""
    still = motion.copy()
    # A size that was changing does not go on changing while nobody looks.
    still[:, [VELOCITY, PV, VV], 2:] = 0
    return kalman.predict(model, still, gap[:, None])


def _known(ends: Ends) -> NDArray[np.bool_]:
    return np.asarray(ends.look.any(axis=1))


def _second(evidence: Array, axis: int) -> Array:
    """The best evidence (N, M) along the axis, the entry itself left out."""
    if evidence.shape[axis] < 2:
        return np.full(evidence.shape, -np.inf)
    ordered = np.sort(evidence, axis=axis)
    best, second = (np.expand_dims(np.take(ordered, k, axis=axis), axis) for k in (-1, -2))
    return np.where(evidence == best, second, best)
