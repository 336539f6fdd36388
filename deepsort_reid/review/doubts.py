"""Cases of doubt: where the tracker may be wrong, least certain first."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from deepsort_reid.review.overlaps import Crossing, Overlaps, find_crossings
from deepsort_reid.review.run_folder import Run
from deepsort_reid.review.state import PieceRow, State

_SURE = 0.995  # probabilities above raise no doubt
_MIN_IOU = 0.25  # of a crossing
_CROSSING_GAP = 1.0  # seconds without overlap within one crossing
_MIN_GAP = 1.0  # seconds in which a track was not found
_SHORT = 0.5  # seconds; tracks with fewer boxes may be false


# Certainty where the tracker states no probability, for the order alone. In labelled sequences,
# about nine of ten crossings and gaps are right; a large overlap and a long gap are less certain.
_CROSSING, _CROSSING_BY_IOU = 0.95, 0.2
_GAP, _GAP_BY_TIME = 0.8, 0.15
_SHORT_TRACK, _SHORT_BY_LENGTH = 0.7, 0.2
_UNKNOWN = 0.8  # person of a track


class Doubt(NamedTuple):
    """A case in which the tracker may be wrong.

    Attributes:
        kind: "join" of two tracks to one person; "new" person that may be a known one; "crossing"
            of two tracks, after which they may be exchanged; "gap" in a track, after which it may
            be of another person; "short" track that may be false.
        frame: to look at.
        pieces: the piece in question, then others that it concerns.
        persons: the person in question, then others that it may be.
        probability: that the tracker is right, by its own estimate; None where it has none.
        text: the case in words.
        key: names the case in the edit `Confirm`.
    """

    kind: str
    frame: int
    pieces: list[int]
    persons: list[int]
    probability: float | None
    text: str
    key: str


class Doubts:
    """Finds the cases of doubt of a run; crossings and gaps of all tracks are found once.

    Args:
        run: the run.
        overlaps: of its boxes.
    """

    def __init__(self, run: Run, overlaps: Overlaps) -> None:
        self._run = run
        gap = max(round(_CROSSING_GAP * run.info.fps), 2 * run.info.every)
        self._crossings = find_crossings(run.rows, overlaps, _MIN_IOU, gap)
        self._max_step = max(round(_MIN_GAP * run.info.fps), 2 * run.info.every)
        step = np.diff(run.rows.frame, prepend=run.rows.frame[:1])
        same = np.diff(run.rows.id, prepend=run.rows.id[:1]) == 0
        self._gaps = np.flatnonzero(same & (step > self._max_step))

    def find(self, state: State) -> list[Doubt]:
        """The cases that no edit has decided, least certain first."""
        of_person: dict[int, list[int]] = defaultdict(list)
        for piece, row in state.pieces.items():
            if not row.deleted:
                of_person[row.person].append(piece)
        frame = self._run.rows.frame
        for pieces in of_person.values():
            pieces.sort(key=lambda piece: int(frame[state.pieces[piece].start]))
        found = [
            *self._persons(state, of_person),
            *self._crossing(state),
            *self._gap(state),
            *self._short(state, of_person),
        ]
        open_cases = [(order, doubt) for order, doubt in found if doubt.key not in state.confirmed]
        open_cases.sort(key=lambda each: (each[0], each[1].frame, each[1].key))
        return [doubt for _, doubt in open_cases]

    def _persons(
        self, state: State, of_person: dict[int, list[int]]
    ) -> Iterator[tuple[float, Doubt]]:
        """Tracks of which the registry is not sure that they are of their person."""
        run = self._run
        for person, pieces in of_person.items():
            for place, piece in enumerate(pieces):
                row = state.pieces[piece]
                known = run.people.get(row.track)
                if row.by_hand or piece != row.track or known is None:
                    continue
                probability = None if math.isnan(known.probability) else known.probability
                if probability is not None and probability >= _SURE:
                    continue
                other = None
                compared = of_person.get(known.runner_up or 0, [])
                if len(pieces) > 1:
                    other = pieces[place - 1] if place else pieces[1]
                    compared = [other]
                pairs = {_ordered(piece, each) for each in compared}
                if not pairs.isdisjoint(state.same) or not pairs.isdisjoint(state.different):
                    continue
                doubt = self._person_doubt(person, piece, other, probability, row, of_person)
                yield (_UNKNOWN if probability is None else probability), doubt

    def _person_doubt(
        self,
        person: int,
        piece: int,
        other: int | None,
        probability: float | None,
        row: PieceRow,
        of_person: dict[int, list[int]],
    ) -> Doubt:
        sure = "" if probability is None else f" (probability {probability:.2f})"
        runner_up = self._run.people[row.track].runner_up
        persons = [person]
        next_best = ""
        if runner_up is not None and runner_up != person and runner_up in of_person:
            persons.append(runner_up)
            next_best = f"; the next best is person {runner_up}"
        frame = int(self._run.rows.frame[row.start])
        if other is None:
            text = f"track {piece} is taken for a new person, {person}{sure}{next_best}"
            return Doubt("new", frame, [piece], persons, probability, text, f"new:{piece}")
        text = f"tracks {piece} and {other} are taken for person {person}{sure}{next_best}"
        key = f"join:{piece}"
        return Doubt("join", frame, [piece, other], persons, probability, text, key)

    def _crossing(self, state: State) -> Iterator[tuple[float, Doubt]]:
        """Tracks that overlapped, unless one of them was cut there."""
        at = _PieceAt(state, self._run)
        for each in self._crossings:
            first, second = (at.piece(track, each.frame) for track in each.tracks)
            if first is None or second is None or self._is_cut(state, at, each):
                continue
            persons = [state.pieces[piece].person for piece in (first, second)]
            if persons[0] == persons[1]:
                continue
            text = (
                f"tracks {first} and {second} overlap in frames {each.first_frame} to "
                f"{each.last_frame} and may be exchanged afterwards"
            )
            key = f"crossing:{each.tracks[0]}:{each.tracks[1]}:{each.frame}"
            doubt = Doubt("crossing", each.frame, [first, second], persons, None, text, key)
            yield _CROSSING - _CROSSING_BY_IOU * each.iou, doubt

    def _is_cut(self, state: State, at: "_PieceAt", crossing: Crossing) -> bool:
        """Whether a track changes its piece near a crossing."""
        margin = self._max_step
        first, last = crossing.first_frame - margin, crossing.last_frame + margin
        return any(first <= frame <= last for track in crossing.tracks for frame in at.cuts(track))

    def _gap(self, state: State) -> Iterator[tuple[float, Doubt]]:
        """Tracks that were not found for a time, unless they were cut there."""
        at, frames, fps = _PieceAt(state, self._run), self._run.rows.frame, self._run.info.fps
        for row in self._gaps.tolist():
            track, before, after = (
                int(self._run.rows.id[row]),
                int(frames[row - 1]),
                int(frames[row]),
            )
            piece = at.piece(track, after)
            if piece is None or piece != at.piece(track, before):
                continue
            seconds = (after - before) / fps
            text = f"track {piece} was not found for {seconds:.1f} s after frame {before}"
            person = state.pieces[piece].person
            doubt = Doubt("gap", after, [piece], [person], None, text, f"gap:{track}:{after}")
            yield _GAP + _GAP_BY_TIME / (1 + seconds), doubt

    def _short(
        self, state: State, of_person: dict[int, list[int]]
    ) -> Iterator[tuple[float, Doubt]]:
        """Persons of very few boxes."""
        most = max(round(_SHORT * self._run.info.fps / self._run.info.every), 3)
        for person, pieces in of_person.items():
            row = state.pieces[pieces[0]]
            boxes = row.stop - row.start
            if len(pieces) > 1 or boxes > most or row.by_hand:
                continue
            frame = int(self._run.rows.frame[row.start])
            text = f"track {pieces[0]} has {boxes} box(es) only and may be false"
            key = f"short:{pieces[0]}"
            doubt = Doubt("short", frame, pieces, [person], None, text, key)
            yield _SHORT_TRACK + _SHORT_BY_LENGTH * boxes / most, doubt


class _PieceAt:
    """Finds the piece of a track in a frame."""

    def __init__(self, state: State, run: Run) -> None:
        self._frame = run.rows.frame
        self._of_track: dict[int, list[tuple[int, PieceRow]]] = defaultdict(list)
        for piece, row in state.pieces.items():
            self._of_track[row.track].append((piece, row))

    def piece(self, track: int, frame: int) -> int | None:
        """The piece with a box of the track in the frame; None when that is deleted."""
        for piece, row in self._of_track[track]:
            if self._frame[row.start] <= frame <= self._frame[row.stop - 1]:
                return None if row.deleted else piece
        return None

    def cuts(self, track: int) -> list[int]:
        """First frames of the pieces of a track, but the first piece."""
        starts = sorted(int(self._frame[row.start]) for _, row in self._of_track[track])
        return starts[1:]


def _ordered(first: int, second: int) -> tuple[int, int]:
    return (first, second) if first < second else (second, first)
