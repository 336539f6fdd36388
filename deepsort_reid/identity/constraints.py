"""Constraints: which persons a track cannot be, whatever it looks like."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.records import Records
from deepsort_reid.identity.topology import Topology

Flags = NDArray[np.bool_]


class Obstacle(NamedTuple):
    """Why a track cannot be a person.

    Attributes:
        person: the person.
        track: key of the track of that person that forbids it.
        reason: in words; the track is named after it.
    """

    person: int
    track: int
    reason: str


def forbidden_persons(records: Records, topology: Topology, key: int) -> set[int]:
    """Persons that a track cannot be."""
    forbidden = forbidden_tracks(records, topology, [key])[0]
    return set(records.rows["person"][forbidden].tolist()) - {0}


def forbidden_tracks(records: Records, topology: Topology, keys: list[int]) -> Flags:
    """Tracks (K, N), the rows of `records`, that show other people than each of K tracks."""
    size = records.first_key, records.num_tracks
    forbidden = records.seen_together.flags(keys, *size) | records.apart.flags(keys, *size)
    own = records.rows[np.array(keys) - records.first_key]
    for mask in time_conflicts(records, topology, own, keys).values():
        forbidden |= mask
    return forbidden


def obstacles(records: Records, topology: Topology, key: int) -> list[Obstacle]:
    """One reason for each person that a track cannot be."""
    keys = {
        "apart by hand from": records.apart.of(key),
        "seen in one frame with": records.seen_together.of(key),
    }
    own = records.rows[[key - records.first_key]]
    for reason, mask in time_conflicts(records, topology, own, [key]).items():
        keys[reason] = set((np.flatnonzero(mask[0]) + records.first_key).tolist())
    found: dict[int, Obstacle] = {}
    for reason, others in keys.items():
        for other in sorted(others):
            person = int(records.row(other)["person"])
            if person and person not in found:
                found[person] = Obstacle(person, other, reason)
    return list(found.values())


def time_conflicts(
    records: Records, topology: Topology, own: NDArray[np.void], keys: list[int] | None = None
) -> dict[str, Flags]:
    """Tracks (K, N) that are other people than each of K because of their times, by reason.

    Args:
        records, topology: of all N tracks.
        own: `TRACK_ROW`s (K,) of the tracks.
        keys: of these; None for tracks that are not in the records.
    """
    rows, own = records.rows, own[:, None]
    others = np.broadcast_to(rows["person"] > 0, (len(own), len(rows))).copy()
    if keys is not None:
        others[np.arange(len(own)), np.array(keys) - records.first_key] = False
    # Two tracks of one camera are compared frame by frame where frames are known.
    known = (rows["camera"] == own["camera"]) & rows["framewise"] & own["framewise"]
    overlaps = (rows["first_time"] <= own["last_time"]) & (rows["last_time"] >= own["first_time"])
    overlaps &= others & ~known
    if topology.same_place and overlaps.any():
        overlaps &= ~_may_overlap(records, topology)[own["camera"], rows["camera"]]
    conflicts = {"seen at the same time as": overlaps}
    if topology.travel_time:
        found = [
            _travel_conflicts(records, topology, *each)
            for each in zip(own[:, 0], others, strict=True)
        ]
        conflicts |= {reason: np.array([each[reason] for each in found]) for reason in found[0]}
    return conflicts


def _may_overlap(records: Records, topology: Topology) -> Flags:
    """Pairs of cameras (C, C) that may see one person at the same time."""
    names = records.camera_names
    return np.array([[topology.may_overlap(one, other) for other in names] for one in names])


def _travel_conflicts(
    records: Records, topology: Topology, own: np.void, others: Flags
) -> dict[str, Flags]:
    rows, names = records.rows, records.camera_names
    name = names[int(own["camera"])]
    too_fast, too_slow = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    gap_before = own["first_time"] - rows["last_time"]  # of tracks that ended before this one
    gap_after = rows["first_time"] - own["last_time"]
    latest = _first_of_each_person(rows, gap_before, others)
    next_one = _first_of_each_person(rows, gap_after, others)
    for number, other in enumerate(names):
        of_camera = others & (rows["camera"] == number)
        arrival = topology.travel_time.get((other, name))
        if arrival is not None:
            too_fast |= of_camera & (gap_before >= 0) & (gap_before < arrival.min)
            too_slow |= of_camera & latest & (gap_before > arrival.max)
        departure = topology.travel_time.get((name, other))
        if departure is not None:
            too_fast |= of_camera & (gap_after >= 0) & (gap_after < departure.min)
            too_slow |= of_camera & next_one & (gap_after > departure.max)
    return {"too soon to walk from or to": too_fast, "too late to walk from or to": too_slow}


def _first_of_each_person(rows: NDArray[np.void], gap: NDArray[np.float64], others: Flags) -> Flags:
    """Tracks (N,) with the smallest gap >= 0 of their person."""
    index = np.flatnonzero(others & (gap >= 0))
    index = index[np.lexsort((gap[index], rows["person"][index]))]
    first = np.diff(rows["person"][index], prepend=-1) != 0
    mask = np.zeros(len(rows), dtype=bool)
    mask[index[first]] = True
    return mask
