"""Planning of all walks before the first frame is drawn.

Every person crosses the image from edge to edge on a pavement or over the zebra crossing, is absent
for a while and returns. Walks keep a minimum distance on the ground, so that persons occlude each
other in the image without walking through each other.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.backdrop import FAR_KERB_Z, KERB_Z
from deepsort_reid.scene.geometry import SceneGeometry, Walk

NEAR_LANES = (7.8, KERB_Z - 0.25)  # z of walks along the street, in metres
MIN_VISIBLE_SECONDS = 2.0  # in the image before and after a planned absence
_MIN_CLEARANCE = 0.62  # metres between the centres of two persons
_OTHER_STREET = 0.8  # share of walks that are followed by one in another street
_MAX_CANDIDATES = 24  # walks tried; without one of enough clearance, the best of them is taken


def plan_walks(
    geometry: SceneGeometry, people: int, absences: Sequence[int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Plan the position of every person in every frame: (people, frames + 1, 5), NaN while absent.

    The last axis is x, z, heading, metres walked so far and metres per frame. Person k leaves the
    image once for exactly `absences[k]` frames. Row 0 of the frame axis is not used.

    Raises:
        RuntimeError: no walk through the image was found.
    """
    table = np.full((people, geometry.frames + 1, 5), np.nan)
    first = _first_frames(geometry, people, rng)
    leader: Walk | None = None  # walk that the next person may accompany
    for person in range(people):
        start, companion = first[person], None
        if person < len(absences):
            leaves, returns = _plan_absence(geometry, table, person, absences[person], rng)
            _plan_walks_between(geometry, table, person, (start, leaves), rng)
            start = returns + _pause(geometry, rng)
        elif leader is not None and rng.random() < 0.25:
            companion = _companion_walk(geometry, table, person, leader, rng)
            if companion is not None:
                start = _write_walk(geometry, table, person, companion)[1] + _pause(geometry, rng)
        walk = _plan_walks_between(geometry, table, person, (start, geometry.frames + 1), rng)
        leader = walk if person >= len(absences) and companion is None else None
    return table


def plan_visits(
    geometries: Sequence[SceneGeometry],
    people: int,
    travel_seconds: tuple[float, float],
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    """Plan the walks of persons who go from one street to another: a table for each street.

    Most walks are followed by one in another street, which begins after a random time between the
    shortest and the longest of `travel_seconds`. Tables are as in `plan_walks`.
    """
    shape = people, geometries[0].frames + 1, 5
    tables = [np.full(shape, np.nan) for _ in geometries]
    first = _first_frames(geometries[0], people, rng)
    shortest, longest = travel_seconds
    for person in range(people):
        street, start = int(rng.random() * len(geometries)), first[person]
        candidates = _candidate_walks(geometries[street], start, rng)
        walk: Walk | None = _choose_walk(geometries[street], tables[street], person, candidates)
        while walk is not None:
            _, last = _write_walk(geometries[street], tables[street], person, walk)
            if rng.random() < _OTHER_STREET:
                street = (street + 1 + int(rng.random() * (len(geometries) - 1))) % len(geometries)
            geometry = geometries[street]
            seconds = shortest + (longest - shortest) * rng.random()
            begin = last + 1 + round(seconds * geometry.frame_rate)
            walk = None
            if begin <= geometry.frames:
                candidates = _candidate_walks(geometry, 0, rng)
                shifted = (_shifted_to(geometry, each, 0, begin) for each in candidates)
                walk = _choose_walk(geometry, tables[street], person, shifted)
    return tables


def _first_frames(geometry: SceneGeometry, people: int, rng: np.random.Generator) -> list[int]:
    """Return the frame in which each person starts the first walk.

    About half of the persons have started to walk when the video begins.
    """
    first = -6.5 + 13.5 * (np.arange(people) + rng.random(people)) / people
    ordered = first[np.argsort(rng.random(people))]
    return [int(frame) for frame in np.rint(ordered * geometry.frame_rate)]


def _plan_walks_between(
    geometry: SceneGeometry,
    table: NDArray[np.float64],
    person: int,
    between: tuple[int, int],
    rng: np.random.Generator,
) -> Walk | None:
    """Plan successive walks between two frames (start, end) and return the first of them."""
    start, until = between
    first_walk = None
    while start < until:
        walk = _choose_walk(geometry, table, person, _candidate_walks(geometry, start, rng))
        frames, states = walk.states()
        last = int(frames[geometry.in_view(frames, states)][-1])
        if until <= geometry.frames and last + geometry.frame_rate > until:
            break
        _write_walk(geometry, table, person, walk)
        first_walk = first_walk or walk
        start = last + _pause(geometry, rng)
    return first_walk


def _pause(geometry: SceneGeometry, rng: np.random.Generator) -> int:
    """Return a random number of frames between two walks."""
    return int((1.5 + 4.5 * rng.random()) * geometry.frame_rate)


def _plan_absence(
    geometry: SceneGeometry,
    table: NDArray[np.float64],
    person: int,
    absence: int,
    rng: np.random.Generator,
) -> tuple[int, int]:
    """Plan the walks before and after an absence.

    Returns the first frame of the walk before it and the last frame of the walk after it.
    """
    seen = math.ceil(MIN_VISIBLE_SECONDS * geometry.frame_rate)
    latest = geometry.frames - absence - seen
    leave = seen + int(rng.random() * (latest - seen + 1))
    before = (_shifted_to(geometry, walk, -1, leave) for walk in _candidate_walks(geometry, 0, rng))
    first, _ = _write_walk(geometry, table, person, _choose_walk(geometry, table, person, before))
    after = (
        _shifted_to(geometry, walk, 0, leave + absence + 1)
        for walk in _candidate_walks(geometry, 0, rng)
    )
    _, last = _write_walk(geometry, table, person, _choose_walk(geometry, table, person, after))
    return first, last


def _shifted_to(geometry: SceneGeometry, walk: Walk, end: int, number: int) -> Walk | None:
    """Shift a walk in time so that its first (0) or last (-1) frame in the image is `number`."""
    for _ in range(8):  # with a moving camera, one shift may not be enough
        frames, states = walk.states()
        visible = frames[geometry.in_view(frames, states)]
        if len(visible) == 0:
            return None
        if visible[end] == number:
            return walk
        walk = replace(walk, start=walk.start + number - int(visible[end]))
    return None


def _companion_walk(
    geometry: SceneGeometry,
    table: NDArray[np.float64],
    person: int,
    leader: Walk,
    rng: np.random.Generator,
) -> Walk | None:
    """Return a walk beside another one, or None where there is not enough clearance."""
    ahead = np.gradient(leader.path, axis=0)
    ahead /= np.hypot(ahead[:, 0], ahead[:, 1])[:, None]
    aside = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    first = 0.66 if rng.random() < 0.5 else -0.66
    for side in (first, -first):
        # Slightly behind: side by side, one person would occlude the other for the whole walk.
        path = leader.path + side * aside - 0.35 * ahead
        walk = replace(leader, path=path)
        # Nearer than the nearest lane, the feet are below the image.
        fits = path[:, 1].min() >= NEAR_LANES[0] - 0.1 and _avoids_props(geometry, path)
        if fits and _clearance(geometry, table[:person], walk) > 0.9 * _MIN_CLEARANCE:
            return walk
    return None


def _candidate_walks(
    geometry: SceneGeometry, start: int, rng: np.random.Generator
) -> Iterator[Walk]:
    """Generate random walks through the image that avoid all props."""
    found = 0
    while found < _MAX_CANDIDATES:
        path = _random_path(geometry, rng)
        walk = Walk(path, start, (1.05 + 0.5 * rng.random()) / geometry.frame_rate)
        if _avoids_props(geometry, path):
            found += 1
            yield walk


def _random_path(geometry: SceneGeometry, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a random path (P, 2) from one edge of the image to the other, with round corners."""

    def lane(limits: tuple[float, float]) -> float:
        return limits[0] + (limits[1] - limits[0]) * rng.random()

    route, side = rng.random(), 1.0 if rng.random() < 0.5 else -1.0
    if route < 0.76:
        lanes = NEAR_LANES if route < 0.62 else geometry.far_lanes
        z = lane(lanes)
        z1 = min(max(z + 1.4 * (rng.random() - 0.5), lanes[0]), lanes[1])
        corners = [(-side, z), (side, z1)]
    else:
        near, far = lane(NEAR_LANES), lane(geometry.far_lanes)
        crossing = geometry.crossing_x + 1.9 * (rng.random() - 0.5)
        crossing_points = [
            (crossing, min(near, KERB_Z - 0.3)),
            (crossing, max(far, FAR_KERB_Z + 0.3)),
        ]
        corners = [(-side, near), *crossing_points, (side if rng.random() < 0.7 else -side, far)]
        if rng.random() < 0.5:
            corners = [(x, z) for x, z in reversed(corners)]
    for end in (0, -1):
        edge, z = corners[end]
        left, right = geometry.walking_range(z)
        corners[end] = (right + 1.2 if edge > 0 else left - 1.2, z)
    path = np.array(corners)
    distances = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    steps = np.arange(0.0, distances[-1], 0.1)
    points = np.column_stack([np.interp(steps, distances, path[:, axis]) for axis in (0, 1)])
    points[:, 1] += 0.07 * np.sin(steps * (0.8 + 0.5 * rng.random()) + 6.28 * rng.random())
    window = np.ones(13) / 13  # 1.3 m wide
    padded = np.pad(points, ((6, 6), (0, 0)), mode="reflect", reflect_type="odd")
    return np.column_stack([np.convolve(padded[:, axis], window, "valid") for axis in (0, 1)])


def _avoids_props(geometry: SceneGeometry, path: NDArray[np.float64]) -> bool:
    """Return whether a path keeps a distance from all props."""
    x, z = path[:, 0], path[:, 1]
    for footprint in (prop.footprint for prop in geometry.props):
        blocked = (
            (x > footprint.x0 - 0.3)
            & (x < footprint.x1 + 0.3)
            & (z > footprint.z0 - 0.25)
            & (z < footprint.z1 + 0.25)
        )
        if blocked.any():
            return False
    return True


def _choose_walk(
    geometry: SceneGeometry,
    table: NDArray[np.float64],
    person: int,
    candidates: Iterator[Walk | None],
) -> Walk:
    """Return the first walk with enough clearance; without one, that with the largest clearance."""
    best, largest = None, -1.0
    for walk in candidates:
        if walk is None:
            continue
        clearance = _clearance(geometry, table[:person], walk)
        if clearance > largest:
            best, largest = walk, clearance
        if clearance >= _MIN_CLEARANCE:
            break
    if best is None:
        raise RuntimeError("no walk through the street was found: try another seed")
    return best


def _clearance(geometry: SceneGeometry, others: NDArray[np.float64], walk: Walk) -> float:
    """Return the smallest distance of a walk to the persons planned before, in metres.

    It is -1 when the walk is not visible in one continuous interval.
    """
    numbers, states = walk.states()
    visible = np.flatnonzero(geometry.in_view(numbers, states))
    # With a panning camera, a person at the border of the image could leave twice.
    if len(visible) == 0 or visible[-1] - visible[0] + 1 != len(visible):
        return -1.0
    inside = (numbers >= 1) & (numbers <= geometry.frames)
    # Positions change little within five frames.
    apart = others[:, numbers[inside][::5], :2] - states[inside][::5, :2]
    squared = apart[:, :, 0] ** 2 + apart[:, :, 1] ** 2
    return math.sqrt(np.fmin.reduce(squared, axis=None, initial=np.inf))


def _write_walk(
    geometry: SceneGeometry, table: NDArray[np.float64], person: int, walk: Walk
) -> tuple[int, int]:
    """Write a walk into the table and return its first and last frame in the image."""
    numbers, states = walk.states()
    visible = geometry.in_view(numbers, states)
    first, last = (int(numbers[visible][end]) for end in (0, -1))
    visible &= (numbers >= 1) & (numbers <= geometry.frames)
    table[person, numbers[visible]] = states[visible]
    return first, last
