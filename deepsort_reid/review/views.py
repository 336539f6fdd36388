"""What a review shows of its state: boxes by frame, pieces and persons."""

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.review.run_folder import Run
from deepsort_reid.review.state import State
from deepsort_reid.structures.mot_rows import MotRows


class Boxes(NamedTuple):
    """All boxes of a run, sorted by frame.

    Attributes:
        frame: (N,) int32.
        piece: (N,) int32, as the edits so far have made it; deleted pieces included.
        xyxy: (N, 4) float32, pixels.
    """

    frame: NDArray[np.int32]
    piece: NDArray[np.int32]
    xyxy: NDArray[np.float32]


class Piece(NamedTuple):
    """A track or a part of one.

    Attributes:
        id: the first piece of a track has the id of the track.
        track: in the file of the run.
        person: the person it is of.
        first_frame, last_frame: of its boxes.
        boxes: their number.
        deleted: whether it was deleted.
        probability: of the person by the estimate of the tracker; None where it has none, and
            where a person has decided.
    """

    id: int
    track: int
    person: int
    first_frame: int
    last_frame: int
    boxes: int
    deleted: bool
    probability: float | None


class Person(NamedTuple):
    """A person: its name if any, its pieces in the order of time, its frames and boxes."""

    id: int
    name: str | None
    pieces: list[int]
    first_frame: int
    last_frame: int
    boxes: int


class BoxesByFrame:
    """Sorts the boxes of a run, once, and gives them their pieces."""

    def __init__(self, rows: MotRows) -> None:
        self._order = np.argsort(rows.frame, kind="stable")
        self._frame = rows.frame[self._order].astype(np.int32)
        self._xyxy = rows.xyxy[self._order].astype(np.float32)

    def boxes(self, state: State) -> Boxes:
        """All boxes, with their pieces in a state."""
        piece = np.empty(len(self._order), dtype=np.int32)
        for id, row in state.pieces.items():
            piece[row.start : row.stop] = id
        return Boxes(self._frame, piece[self._order], self._xyxy)


def make_pieces(run: Run, state: State) -> list[Piece]:
    """All pieces, in the order of their ids."""
    frame, found = run.rows.frame, []
    for id, row in sorted(state.pieces.items()):
        known = run.people.get(row.track)
        probability = None if known is None or row.by_hand else known.probability
        if probability is not None and math.isnan(probability):
            probability = None
        frames = int(frame[row.start]), int(frame[row.stop - 1])
        number = row.stop - row.start
        found.append(Piece(id, row.track, row.person, *frames, number, row.deleted, probability))
    return found


def make_persons(state: State, pieces: list[Piece]) -> list[Person]:
    """The persons that have a piece that is not deleted, in the order of their ids."""
    of_person: dict[int, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if not piece.deleted:
            of_person[piece.person].append(piece)
    return [
        Person(
            person,
            state.names.get(person),
            [each.id for each in sorted(own, key=lambda each: each.first_frame)],
            min(each.first_frame for each in own),
            max(each.last_frame for each in own),
            sum(each.boxes for each in own),
        )
        for person, own in sorted(of_person.items())
    ]
