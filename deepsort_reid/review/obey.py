"""Corrections for the registry of persons that a run was made with, so that later runs obey."""

from collections import defaultdict
from typing import NamedTuple

from deepsort_reid.identity import PersonRegistry
from deepsort_reid.review.run_folder import RegistryLink, Run
from deepsort_reid.review.state import State

TrackName = tuple[str, int, int]  # camera, id, run in the registry


class Corrections(NamedTuple):
    """What the edits of a review say of whole tracks.

    Attributes:
        different: pairs of tracks that are two people; the second one leaves.
        same: pairs of tracks that are one person.
        names: name of the person of a track, None where it was removed.
        split: tracks of which only a part is of their person.
    """

    different: list[tuple[int, int]]
    same: list[tuple[int, int]]
    names: dict[int, str | None]
    split: list[int]


def find_corrections(initial: State, state: State) -> Corrections:
    """Compare a state with the one before the first edit.

    A track of several persons counts as of the one with its largest part: the registry knows whole
    tracks. Deleted tracks are left as they are.
    """
    main = _main_pieces(state)
    before = {track: row.person for track, row in initial.pieces.items()}
    now = {track: state.pieces[piece].person for track, piece in main.items()}
    track_of = {piece: track for track, piece in main.items()}
    different = [
        (track_of[a], track_of[b])
        for a, b in sorted(state.different)
        if a in track_of and b in track_of and now[track_of[a]] != now[track_of[b]]
    ]
    same = [
        (track_of[a], track_of[b])
        for a, b in sorted(state.same)
        if a in track_of and b in track_of and now[track_of[a]] == now[track_of[b]]
    ]
    of_person: dict[int, list[int]] = defaultdict(list)
    was_of: dict[int, list[int]] = defaultdict(list)
    for track in sorted(now):
        of_person[now[track]].append(track)
        was_of[before[track]].append(track)
    for tracks in was_of.values():
        # Those that stay come first: they keep their person in the registry.
        stays = [track for track in tracks if now[track] == before[track]] or tracks[:1]
        for track in tracks:
            different += [(other, track) for other in stays if now[other] != now[track]]
    for tracks in of_person.values():
        first = next((each for each in tracks if before[each] == now[each]), tracks[0])
        # Tracks that left a person together, too: each got a person of its own just before.
        same += [
            (first, track)
            for track in tracks
            if track != first and (before[track] != before[first] or before[track] != now[track])
        ]
    names = {
        tracks[0]: state.names.get(person)
        for person, tracks in of_person.items()
        if state.names.get(person) != initial.names.get(person)
    }
    parts: dict[int, int] = defaultdict(int)
    for row in state.pieces.values():
        parts[row.track] += not row.deleted and row.person != now.get(row.track)
    split = sorted(track for track, number in parts.items() if number)
    return Corrections(list(dict.fromkeys(different)), list(dict.fromkeys(same)), names, split)


def correct_registry(run: Run, initial: State, state: State) -> list[str]:
    """Apply the corrections to the registry of a run; returns what could not be done, a line each.

    Making them again changes nothing. Without a registry, and where another process writes to it,
    the only line says so.
    """
    corrections = find_corrections(initial, state)
    if not any(corrections):
        return []
    link = run.registry
    if link is None:
        return ["no registry of persons: the corrections are kept in the run folder alone"]
    notes = [
        f"track {track} is of several persons: in the registry, which has whole tracks, it is of "
        "the one with its largest part"
        for track in corrections.split
    ]
    try:
        # Nothing is removed by age here: the command that tracks decides how long it is kept.
        with PersonRegistry(link.path, keep_for=None) as registry:
            return [*notes, *_apply(registry, link, corrections)]
    except (OSError, ValueError) as error:
        note = (
            f"the registry has not got the corrections: {error}; they are kept in the run folder, "
            "and given to the registry when the review is closed next time"
        )
        return [note]


def _apply(registry: PersonRegistry, link: RegistryLink, corrections: Corrections) -> list[str]:
    notes = []
    steps = [
        *((registry.different, pair) for pair in corrections.different),
        *((registry.same, pair) for pair in corrections.same),
    ]
    for change, pair in steps:
        first, second = (_name(link, track) for track in pair)
        try:
            change(first, second)
        except ValueError as error:
            notes.append(f"the registry refused a correction: {error}")
    for track, name in corrections.names.items():
        try:
            registry.rename(registry.person_of(*_name(link, track)), name)
        except ValueError as error:
            notes.append(f"the registry refused a name: {error}")
    return notes


def _name(link: RegistryLink, track: int) -> TrackName:
    return link.camera, link.ids.get(track, track), link.run


def _main_pieces(state: State) -> dict[int, int]:
    """The largest piece of each track that is not deleted."""
    main: dict[int, int] = {}
    for piece, row in sorted(state.pieces.items()):
        if row.deleted:
            continue
        best = state.pieces[main[row.track]] if row.track in main else None
        if best is None or row.stop - row.start > best.stop - best.start:
            main[row.track] = piece
    return main
