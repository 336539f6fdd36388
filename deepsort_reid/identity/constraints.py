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
    forbidden = forbidden_tracks(records, topology, key)
    return set(records.rows["person"][forbidden].tolist()) - {0}


def forbidden_tracks(records: Records, topology: Topology, key: int) -> Flags:
    """Tracks (N,), the rows of `records`, that show other people than a track."""
    forbidden = np.zeros(len(records.rows), dtype=bool)
    keys = records.seen_together[key] | records.apart[key]
    forbidden[np.fromiter(keys, np.int64, len(keys)) - records.first_key] = True
    for mask in time_conflicts(records, topology, records.row(key), key).values():
        forbidden |= mask
    return forbidden


def obstacles(records: Records, topology: Topology, key: int) -> list[Obstacle]:
    """One reason for each person that a track cannot be."""
    keys = {
        "apart by hand from": records.apart[key],
        "seen in one frame with": records.seen_together[key],
    }
    for reason, mask in time_conflicts(records, topology, records.row(key), key).items():
        keys[reason] = set((np.flatnonzero(mask) + records.first_key).tolist())
    found: dict[int, Obstacle] = {}
    for reason, others in keys.items():
        for other in sorted(others):
            person = int(records.row(other)["person"])
            if person and person not in found:
                found[person] = Obstacle(person, other, reason)
    return list(found.values())


def time_conflicts(
    records: Records, topology: Topology, own: np.void, key: int = 0
) -> dict[str, Flags]:
    """Tracks (N,) that are other people than that of a row because of their times, by reason.

    key: of the track; 0 for one that is not in the records.
    """
    rows = records.rows
    others = rows["person"] > 0
    if key:
        others[key - records.first_key] = False
    camera = int(own["camera"])
    # Two tracks of one camera are compared frame by frame where frames are known.
    known = (rows["camera"] == camera) & rows["framewise"] & bool(own["framewise"])
    overlaps = (rows["first_time"] <= own["last_time"]) & (rows["last_time"] >= own["first_time"])
    overlaps &= others & ~known
    if topology.same_place and overlaps.any():
        names = records.camera_names
        allowed = [topology.may_overlap(names[camera], name) for name in names]
        overlaps &= ~np.array(allowed)[rows["camera"]]
    conflicts = {"seen at the same time as": overlaps}
    if topology.travel_time:
        conflicts |= _travel_conflicts(records, topology, own, others)
    return conflicts


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
