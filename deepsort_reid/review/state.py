"""State of a review: pieces of tracks, the persons they are of, and how edits change them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.review.edits import (
    Confirm,
    Delete,
    Edit,
    MarkDifferent,
    MarkSame,
    MergePersons,
    Move,
    Rename,
    SplitTrack,
)

Ints = NDArray[np.int64]


class PieceRow(NamedTuple):
    """A track or a part of one.

    Attributes:
        track: id of the track in the file of the run.
        start, stop: its rows among those of the run, which are sorted by track and frame.
        person: the person it is of.
        deleted: whether it is no track of a person.
        by_hand: whether an edit has decided its person.
    """

    track: int
    start: int
    stop: int
    person: int
    deleted: bool = False
    by_hand: bool = False


@dataclass(frozen=True)
class State:
    """What the edits so far have made of a run; edits make a new state and change none.

    Attributes:
        pieces: by id. The first piece of a track has the id of the track.
        names: of the persons that have one.
        different: pairs of pieces, the lower one first, that are declared to be two people.
        same: pairs of pieces, the lower one first, that are declared to be one person.
        confirmed: keys of cases of doubt in which the tracker was right.
        next_piece, next_person: ids of the next new ones.
    """

    pieces: dict[int, PieceRow]
    names: dict[int, str]
    different: frozenset[tuple[int, int]]
    same: frozenset[tuple[int, int]]
    confirmed: frozenset[str]
    next_piece: int
    next_person: int

    def pieces_of(self, person: int) -> list[int]:
        """Pieces of a person that are not deleted, in the order of their ids."""
        return sorted(
            piece for piece, row in self.pieces.items() if row.person == person and not row.deleted
        )


def initial_state(track: Ints, persons: dict[int, int], names: dict[int, str]) -> State:
    """The state before the first edit.

    Args:
        track: track (R,) of each box, in ascending order.
        persons: person of each track.
        names: of persons.
    """
    ids, starts = np.unique(track, return_index=True)
    stops = [*starts[1:].tolist(), len(track)]
    pieces = {
        id: PieceRow(id, start, stop, persons[id])
        for id, start, stop in zip(ids.tolist(), starts.tolist(), stops, strict=True)
    }
    return State(
        pieces,
        names,
        frozenset(),
        frozenset(),
        frozenset(),
        max(pieces, default=0) + 1,
        max([*persons.values(), *names], default=0) + 1,
    )


def apply_edit(state: State, edit: Edit, frame: Ints) -> State:
    """The state after an edit.

    Args:
        state: before it.
        edit: the edit.
        frame: frame (R,) of each box, sorted by track and frame.

    Raises ValueError, in one line, for an edit that is not possible.
    """
    match edit:
        case MergePersons(into, other):
            return _merge(state, into, other, frame)
        case SplitTrack(piece, first):
            last = int(frame[_existing(state, piece).stop - 1])
            if not frame[state.pieces[piece].start] < first <= last:
                raise ValueError(
                    f"piece {piece}: expected a frame after its first one, "
                    f"{frame[state.pieces[piece].start]}, up to {last}, got {first}"
                )
            return _move(state, Move(piece, first, last, None), frame)
        case Move():
            return _move(state, edit, frame)
        case Rename(person, name):
            return _rename(state, person, name)
        case Delete(piece):
            row = _existing(state, piece)
            return replace(state, pieces={**state.pieces, piece: row._replace(deleted=True)})
        case MarkSame(person, other):
            return _mark_same(state, person, other, frame)
        case MarkDifferent(person, other):
            return _mark_different(state, person, other)
        case Confirm(doubt):
            return replace(state, confirmed=state.confirmed | {doubt})


def _merge(state: State, into: int, other: int, frame: Ints) -> State:
    kept, moved = _pieces_of(state, into), _pieces_of(state, other)
    if into == other:
        raise ValueError(f"expected two persons to merge, got {into} twice")
    _check_different(state, into, other, kept, moved)
    for piece in moved:
        _check_no_common_frame(state, into, piece, piece, kept, frame)
    pieces = dict(state.pieces)
    for piece in (*kept, *moved):
        pieces[piece] = pieces[piece]._replace(person=into, by_hand=True)
    names = dict(state.names)
    name = names.pop(other, None)
    if name is not None:
        names.setdefault(into, name)
    return replace(state, pieces=pieces, names=names)


def _move(state: State, edit: Move, frame: Ints) -> State:
    row = _existing(state, edit.piece)
    of_piece = frame[row.start : row.stop]
    begin = row.start + int(np.searchsorted(of_piece, edit.first_frame))
    end = row.start + int(np.searchsorted(of_piece, edit.last_frame, side="right"))
    if begin >= end:
        raise ValueError(
            f"piece {edit.piece}: expected some of its frames, {of_piece[0]} to {of_piece[-1]}, "
            f"got {edit.first_frame} to {edit.last_frame}"
        )
    person, next_person = edit.person, state.next_person
    if person is None:
        person, next_person = next_person, next_person + 1
    else:
        _pieces_of(state, person)
    if person == row.person:
        raise ValueError(f"piece {edit.piece} is of person {person} already")
    row = row._replace(by_hand=True)
    pieces, next_piece = dict(state.pieces), state.next_piece
    moved = edit.piece
    if begin > row.start:
        pieces[edit.piece] = row._replace(stop=begin)
        moved, next_piece = next_piece, next_piece + 1
    pieces[moved] = row._replace(start=begin, stop=end, person=person)
    if end < row.stop:
        pieces[next_piece] = row._replace(start=end)
        next_piece += 1
    new = [piece for piece in pieces if piece not in state.pieces]
    state = replace(
        state,
        pieces=pieces,
        different=_inherited(state.different, edit.piece, new),
        same=_inherited(state.same, edit.piece, new),
        next_piece=next_piece,
        next_person=next_person,
    )
    others = [each for each in state.pieces_of(person) if each != moved]
    _check_no_common_frame(state, person, moved, edit.piece, others, frame)
    return state


def _rename(state: State, person: int, name: str | None) -> State:
    _pieces_of(state, person)
    name = " ".join(name.split()) if name is not None else ""
    names = {each: known for each, known in state.names.items() if each != person}
    if name:
        holder = next((each for each, known in names.items() if known == name), None)
        if holder is not None:
            raise ValueError(f"person {holder} has the name {name!r:.80} already; merge them")
        names[person] = name
    return replace(state, names=names)


def _mark_same(state: State, person: int, other: int, frame: Ints) -> State:
    first, second = _pieces_of(state, person), _pieces_of(state, other)
    if person == other:
        pairs = {(a, b) for a in first for b in first if a < b}
    else:
        pairs = _pairs(first, second)
        state = _merge(state, person, other, frame)
    return replace(state, same=state.same | pairs)


def _mark_different(state: State, person: int, other: int) -> State:
    first, second = _pieces_of(state, person), _pieces_of(state, other)
    if person == other:
        raise ValueError(
            f"person {person} cannot differ from itself: split it, or move a piece to a new person"
        )
    return replace(state, different=state.different | _pairs(first, second))


def _existing(state: State, piece: int) -> PieceRow:
    row = state.pieces.get(piece)
    if row is None or row.deleted:
        raise ValueError(f"piece {piece}: {'deleted already' if row else 'no such piece'}")
    return row


def _pieces_of(state: State, person: int) -> list[int]:
    """The pieces of a person; ValueError when there is none."""
    found = state.pieces_of(person)
    if not found:
        raise ValueError(f"person {person}: no such person")
    return found


def _pairs(first: Iterable[int], second: Iterable[int]) -> set[tuple[int, int]]:
    others = list(second)
    return {(min(a, b), max(a, b)) for a in first for b in others}


def _inherited(
    pairs: frozenset[tuple[int, int]], piece: int, parts: list[int]
) -> frozenset[tuple[int, int]]:
    """The pairs, and those of `piece` for each of the parts that were cut off from it."""
    others = [a + b - piece for a, b in pairs if piece in (a, b)]
    return pairs | _pairs(parts, others)


def _check_different(
    state: State, person: int, other: int, first: list[int], second: list[int]
) -> None:
    conflict = state.different & _pairs(first, second)
    if conflict:
        a, b = min(conflict)
        raise ValueError(
            f"persons {person} and {other} cannot be one: pieces {a} and {b} were marked as "
            "different; undo that first"
        )


def _check_no_common_frame(
    state: State, person: int, moved: int, named: int, others: list[int], frame: Ints
) -> None:
    """Raise ValueError if a moved piece has a frame in which its new person has a box already.

    The message names the piece `named`, which it is or was a part of.
    """
    row = state.pieces[moved]
    own = frame[row.start : row.stop]
    for other in others:
        another = state.pieces[other]
        theirs = frame[another.start : another.stop]
        if own[-1] < theirs[0] or theirs[-1] < own[0]:
            continue
        common = np.intersect1d(own, theirs, assume_unique=True)
        if len(common):
            raise ValueError(
                f"piece {named} cannot be of person {person}, who is piece {other} in "
                f"{len(common)} frame(s) of it, {common[0]} to {common[-1]}; "
                "split or delete one of them first"
            )
