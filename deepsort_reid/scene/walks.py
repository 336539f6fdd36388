"""Where the people of the rendered street walk, and when: fixed before a frame is drawn.

Everybody crosses the picture from edge to edge on a pavement or over the zebra crossing, is away
for a while and comes back. Walks keep clear of each other on the ground, so that people hide each
other in the picture without walking through each other.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.backdrop import FAR_KERB, KERB
from deepsort_reid.scene.houses import FACADE
from deepsort_reid.scene.props import Footprint
from deepsort_reid.scene.rendering import View

NEAR_LANES = (7.8, KERB - 0.25)  # distances in which people walk along the street, in metres
FAR_LANES = (FAR_KERB + 0.5, FACADE - 0.7)
MIN_SEEN = 2.0  # seconds that somebody is in the picture before and after a planned absence
_ROOM = 0.62  # metres between the middles of two people
_TRIES = 24  # ways to choose from; if none of them keeps clear, the best is taken


@dataclass(frozen=True, eq=False)
class Walk:
    """One way through the picture.

    Args:
        way: points on the ground (P, 2), x and z in metres.
        start: number of the frame in which it begins; may be before the first one.
        step: metres per frame.
    """

    way: NDArray[np.float64]
    start: int
    step: float

    def states(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Frame numbers (F,) and states (F, 5): x, z, heading, metres walked, metres per frame."""
        parts = np.diff(self.way, axis=0)
        lengths = np.concatenate([[0.0], np.cumsum(np.hypot(parts[:, 0], parts[:, 1]))])
        count = math.floor(lengths[-1] / self.step) + 1
        walked = np.arange(count) * self.step
        x, z = (np.interp(walked, lengths, self.way[:, axis]) for axis in (0, 1))
        middles = (lengths[1:] + lengths[:-1]) / 2
        heading = np.interp(walked, middles, np.unwrap(np.arctan2(parts[:, 1], parts[:, 0])))
        return self.start + np.arange(count), np.column_stack(
            [x, z, heading, walked, np.full(count, self.step)]
        )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What walks have to fit in."""

    view: View  # of the whole picture that the camera can turn to
    offsets: NDArray[np.float64]  # (frames + 1, 2): left and top of frame k in that picture
    frame_width: int
    frame_rate: float
    zebra: float  # x of the middle of the crossing, metres
    footprints: Sequence[Footprint]

    @property
    def frames(self) -> int:
        """Number of frames of the video."""
        return len(self.offsets) - 1

    def seen(self, frames: NDArray[np.int64], states: NDArray[np.float64]) -> NDArray[np.bool_]:
        """When the axis of a body is in the picture, or just outside of it (F,)."""
        # Frames before the first and after the last one are seen from where the camera is then.
        left = self.offsets[np.clip(frames, 1, self.frames), 0]
        scale = self.view.focal / states[:, 1]
        column = self.view.centre + states[:, 0] * scale - left
        # In metres, less than half the width of a body: at the edge something of it is seen.
        margin = 0.08 * scale
        inside: NDArray[np.bool_] = (column >= -margin) & (column <= self.frame_width + margin)
        return inside


def plan(
    stage: Stage, people: int, absences: Sequence[int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Where everybody is in every frame: (people, frames + 1, 5), NaN while somebody is away.

    The last axis is x, z, heading, metres walked so far and metres per frame. The first
    len(absences) people leave once and are back after exactly so many frames without them.
    """
    table = np.full((people, stage.frames + 1, 5), np.nan)
    # About half of the people are on their way when the video begins.
    first = -6.5 + 13.5 * (np.arange(people) + rng.random(people)) / people
    first = np.rint(first[np.argsort(rng.random(people))] * stage.frame_rate)
    leader: Walk | None = None  # somebody that the next one may walk beside
    for person in range(people):
        start, beside = int(first[person]), None
        if person < len(absences):
            leaves, returns = _leave_and_return(stage, table, person, absences[person], rng)
            _stroll(stage, table, person, (start, leaves), rng)
            start = returns + _rest(stage, rng)
        elif leader is not None and rng.random() < 0.25:
            beside = _beside(stage, table, person, leader, rng)
            if beside is not None:
                start = _enter(stage, table, person, beside)[1] + _rest(stage, rng)
        walk = _stroll(stage, table, person, (start, stage.frames + 1), rng)
        leader = walk if person >= len(absences) and beside is None else None
    return table


def _stroll(
    stage: Stage,
    table: NDArray[np.float64],
    person: int,
    between: tuple[int, int],
    rng: np.random.Generator,
) -> Walk | None:
    """Walk again and again, from one frame on until well before another; returns the first."""
    start, until = between
    earliest = None
    while start < until:
        walk = _choose(stage, table, person, _candidates(stage, start, rng))
        frames, states = walk.states()
        last = int(frames[stage.seen(frames, states)][-1])
        if until <= stage.frames and last + stage.frame_rate > until:
            break
        _enter(stage, table, person, walk)
        earliest = earliest or walk
        start = last + _rest(stage, rng)
    return earliest


def _rest(stage: Stage, rng: np.random.Generator) -> int:
    """How many frames somebody is away between two walks."""
    return int((1.5 + 4.5 * rng.random()) * stage.frame_rate)


def _leave_and_return(
    stage: Stage, table: NDArray[np.float64], person: int, absence: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Plan both walks around an absence: the first frame of the one, the last of the other."""
    seen = math.ceil(MIN_SEEN * stage.frame_rate)
    latest = stage.frames - absence - seen
    leave = seen + int(rng.random() * (latest - seen + 1))
    before = (_timed(stage, walk, -1, leave) for walk in _candidates(stage, 0, rng))
    first, _ = _enter(stage, table, person, _choose(stage, table, person, before))
    after = (_timed(stage, walk, 0, leave + absence + 1) for walk in _candidates(stage, 0, rng))
    _, last = _enter(stage, table, person, _choose(stage, table, person, after))
    return first, last


def _timed(stage: Stage, walk: Walk, which: int, number: int) -> Walk | None:
    """The walk, moved so that its first (0) or last (-1) frame in the picture is `number`."""
    for _ in range(8):  # the camera moves meanwhile, so that one move may not be enough
        frames, states = walk.states()
        visible = frames[stage.seen(frames, states)]
        if len(visible) == 0:
            return None
        if visible[which] == number:
            return walk
        walk = replace(walk, start=walk.start + number - int(visible[which]))
    return None


def _beside(
    stage: Stage, table: NDArray[np.float64], person: int, leader: Walk, rng: np.random.Generator
) -> Walk | None:
    """A walk at the side of another one, where there is room for it."""
    ahead = np.gradient(leader.way, axis=0)
    ahead /= np.hypot(ahead[:, 0], ahead[:, 1])[:, None]
    aside = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    first = 0.66 if rng.random() < 0.5 else -0.66
    for side in (first, -first):
        # Half a step behind, or from the side the one would hide the other all the way.
        way = leader.way + side * aside - 0.35 * ahead
        walk = replace(leader, way=way)
        # Closer than the nearest lane, the picture would cut the feet off.
        fits = way[:, 1].min() >= NEAR_LANES[0] - 0.1 and _is_free(stage, way)
        if fits and _room(stage, table[:person], walk) > 0.9 * _ROOM:
            return walk
    return None


def _candidates(stage: Stage, start: int, rng: np.random.Generator) -> Iterator[Walk]:
    """Ways through the picture that touch nothing that stands there."""
    found = 0
    while found < _TRIES:
        way = _way(stage, rng)
        walk = Walk(way, start, (1.05 + 0.5 * rng.random()) / stage.frame_rate)
        if _is_free(stage, way):
            found += 1
            yield walk


def _way(stage: Stage, rng: np.random.Generator) -> NDArray[np.float64]:
    """A way from one edge to the other, with round corners: (P, 2)."""

    def lane(limits: tuple[float, float]) -> float:
        return limits[0] + (limits[1] - limits[0]) * rng.random()

    kind, side = rng.random(), 1.0 if rng.random() < 0.5 else -1.0
    if kind < 0.76:
        lanes = NEAR_LANES if kind < 0.62 else FAR_LANES
        z = lane(lanes)
        z1 = min(max(z + 1.4 * (rng.random() - 0.5), lanes[0]), lanes[1])
        corners = [(-side, z), (side, z1)]
    else:
        near, far = lane(NEAR_LANES), lane(FAR_LANES)
        crossing = stage.zebra + 1.9 * (rng.random() - 0.5)
        over = [(crossing, min(near, KERB - 0.3)), (crossing, max(far, FAR_KERB + 0.3))]
        corners = [(-side, near), *over, (side if rng.random() < 0.7 else -side, far)]
        if rng.random() < 0.5:
            corners = [(x, z) for x, z in reversed(corners)]
    for end in (0, -1):
        edge, z = corners[end]
        left, right = stage.view.reach(z)
        corners[end] = (right + 1.2 if edge > 0 else left - 1.2, z)
    way = np.array(corners)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
    steps = np.arange(0.0, lengths[-1], 0.1)
    points = np.column_stack([np.interp(steps, lengths, way[:, axis]) for axis in (0, 1)])
    points[:, 1] += 0.07 * np.sin(steps * (0.8 + 0.5 * rng.random()) + 6.28 * rng.random())
    window = np.ones(13) / 13  # 1.3 m wide
    padded = np.pad(points, ((6, 6), (0, 0)), mode="reflect", reflect_type="odd")
    return np.column_stack([np.convolve(padded[:, axis], window, "valid") for axis in (0, 1)])


def _is_free(stage: Stage, way: NDArray[np.float64]) -> bool:
    """Whether a way keeps clear of everything that stands on the street."""
    x, z = way[:, 0], way[:, 1]
    for foot in stage.footprints:
        hit = (
            (x > foot.x0 - 0.3) & (x < foot.x1 + 0.3) & (z > foot.z0 - 0.25) & (z < foot.z1 + 0.25)
        )
        if hit.any():
            return False
    return True


def _choose(
    stage: Stage, table: NDArray[np.float64], person: int, candidates: Iterator[Walk | None]
) -> Walk:
    """The first walk that meets nobody; where there is none, the one that keeps most clear."""
    best, widest = None, -1.0
    for walk in candidates:
        if walk is None:
            continue
        room = _room(stage, table[:person], walk)
        if room > widest:
            best, widest = walk, room
        if room >= _ROOM:
            break
    if best is None:
        raise RuntimeError("no way through the street was found; another seed will have one")
    return best


def _room(stage: Stage, others: NDArray[np.float64], walk: Walk) -> float:
    """How near to anybody else a walk comes, in metres; -1 when it cannot be in the picture."""
    numbers, states = walk.states()
    shown = np.flatnonzero(stage.seen(numbers, states))
    # With a camera that turns, somebody at the edge could leave twice.
    if len(shown) == 0 or shown[-1] - shown[0] + 1 != len(shown):
        return -1.0
    inside = (numbers >= 1) & (numbers <= stage.frames)
    # Nobody gets far in five frames.
    apart = others[:, numbers[inside][::5], :2] - states[inside][::5, :2]
    squared = apart[:, :, 0] ** 2 + apart[:, :, 1] ** 2
    return math.sqrt(np.fmin.reduce(squared, axis=None, initial=np.inf))


def _enter(stage: Stage, table: NDArray[np.float64], person: int, walk: Walk) -> tuple[int, int]:
    """Write a walk into the table; returns its first and last frame in the picture."""
    numbers, states = walk.states()
    visible = stage.seen(numbers, states)
    first, last = (int(numbers[visible][end]) for end in (0, -1))
    visible &= (numbers >= 1) & (numbers <= stage.frames)
    table[person, numbers[visible]] = states[visible]
    return first, last
