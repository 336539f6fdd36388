"""Corrections by hand: merge, split, rename persons; say which tracks are one person or two."""

import re
from collections.abc import Collection

import numpy as np

from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.operations import Operations
from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.track_records import PersonChange, PersonRow, TrackRecord

_BY_HAND = "set by hand"


def checked_person(records: Records, person: int) -> PersonRow:
    """The row of a person; raises ValueError when there is no such person."""
    found = records.persons.get(person)
    if found is None:
        raise ValueError(f"no person {person!r:.40}")
    return found


def history(records: Records, person: int) -> list[TrackRecord]:
    """The tracks of a person, in the order of their times."""
    keys = sorted(records.persons[person].tracks)
    return sorted(map(records.track, keys), key=lambda each: each.first_time)


def gallery(records: Records, person: int) -> Prototypes:
    """The prototypes (P, D) of all tracks of a person."""
    keys = sorted(checked_person(records, person).tracks)
    found = [each for each in map(records.prototypes_of, keys) if len(each.embedding)]
    if not found:
        dim = records.prototypes.dim
        return Prototypes(np.empty((0, dim), dtype=np.float32), np.empty(0))
    embedding = np.concatenate([each.embedding for each in found])
    return Prototypes(embedding, np.concatenate([each.counts for each in found]))


def merge(
    decisions: Decisions, person: int, other: int, by_hand: Collection[int] | None = None
) -> list[PersonChange]:
    """Move the tracks of `other` to `person`; those in `by_hand`, or all, are kept there."""
    records = decisions.records
    into, merged = checked_person(records, person), checked_person(records, other)
    if by_hand is None and person == other:
        raise ValueError(f"expected two persons to merge, got {person} twice")
    for key in merged.tracks if person != other else ():
        for relation, reason in (
            (records.seen_together, "were seen in one frame"),
            (records.apart, "were declared to be different"),
        ):
            conflict = relation.of(key) & into.tracks
            if conflict:
                names = " and ".join(_name(records.track(each)) for each in (min(conflict), key))
                raise ValueError(f"persons {person} and {other} cannot be one: {names} {reason}")
    moved = [] if person == other else sorted(merged.tracks)
    name = into.name or merged.name
    kept = [*sorted(into.tracks), *moved] if by_hand is None else by_hand
    if merged.name is not None and person != other:
        records.save_attributes(into, merged)
        into.name, merged.name = name, None
    changes = _move(decisions, moved, person)
    _keep(records, kept)
    return changes


def split(decisions: Decisions, person: int, keys: Collection[int]) -> list[PersonChange]:
    """Move these tracks of a person to a new one."""
    records = decisions.records
    tracks = set(checked_person(records, person).tracks)
    chosen = set(keys)
    if not chosen or not chosen < tracks:
        raise ValueError(
            f"expected some of the {len(tracks)} tracks of person {person}, not all, got "
            f"{', '.join(_name(records.track(key)) for key in sorted(chosen))[:200] or 'none'}"
        )
    records.relate(records.apart, chosen, tracks - chosen)
    changes = _move(decisions, sorted(chosen), records.new_person())
    _keep(records, tracks)
    return changes


def different(decisions: Decisions, key: int, other: int) -> list[PersonChange]:
    """Note that two tracks are two people; `other` leaves where they are one now."""
    records = decisions.records
    if key == other:
        raise ValueError(f"expected two tracks, got {_name(records.track(key))} twice")
    records.relate(records.apart, [key], [other])
    changes: list[PersonChange] = []
    if records.row(key)["person"] == records.row(other)["person"]:
        changes = _move(decisions, [other], records.new_person())
    return changes


def rename(records: Records, person: int, name: str | None) -> None:
    """Name a person."""
    row = checked_person(records, person)
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise ValueError(f"a name must be text, got {name!r:.80}")
    for other, each in records.persons.items():
        if name is not None and each.name == name and other != person:
            raise ValueError(f"person {other} has the name {name!r:.80} already; merge them")
    records.save_attributes(row)
    row.name = name
    if name is not None:
        _keep(records, sorted(row.tracks))


def forget(records: Records, operations: Operations, person: int) -> None:
    """Remove a person from records and store."""
    keys = sorted(checked_person(records, person).tracks)
    mentioned = re.compile(rf"\b{person}\b")
    records.save_attributes(records)
    records.reasons = {
        key: "" if mentioned.search(reason) else reason for key, reason in records.reasons.items()
    }
    others = np.flatnonzero(records.rows["runner_up"] == person) + records.first_key
    changed = {key for key, reason in records.reasons.items() if not reason}
    records.save_rows(others)
    records.rows["runner_up"][others - records.first_key] = 0
    records.changed |= changed | set(others.tolist())
    operations.remove(keys)


def _move(decisions: Decisions, keys: Collection[int], person: int) -> list[PersonChange]:
    changes: list[PersonChange] = []
    for key in keys:
        changes += decisions.assign(key, person, 1.0, None, _BY_HAND)
    return changes


def _keep(records: Records, keys: Collection[int]) -> None:
    """Tracks that keep their person from now on."""
    for key in keys:
        records.save_row(key)
        records.row(key)["by_hand"] = True


def _name(track: TrackRecord) -> str:
    return f"track {track.id} of camera {track.camera}"
