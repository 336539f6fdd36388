"""What went wrong, one row per mishap: switches, fragments, misses and false tracks.

The rows account for the CLEAR counts: as many switches as IDSW, as many fragments as Frag, misses
whose frames add up to FN, and false tracks whose frames add up to FP.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.clear import clear_matches, shared_frame_index
from deepsort_reid.metrics.comparison import Comparison, Side
from deepsort_reid.structures.mot_rows import MotRows

Ints = NDArray[np.int64]

NO_ID = -1  # in place of an id


class EventKind(IntEnum):
    """Which mishap."""

    SWITCH = 0  # a person is matched by another track than the last time
    FRAGMENT = 1  # a person is matched again after frames without a match
    MISS = 2  # a person is there and matched by no track, for one or more frames on end
    FALSE_TRACK = 3  # a track has boxes that match nobody, for one or more frames on end

    @property
    def label(self) -> str:
        """Lower case, as files and pages have it."""
        return self.name.lower().replace("_", " ")


class SwitchCause(IntEnum):
    """Why a person lost the old track, as far as a tracker's record tells."""

    UNKNOWN = 0
    MISSED_DETECTION = 1  # no detection on the person until another track had it
    MOTION_GATE = 2  # the old track was predicted too far away
    APPEARANCE = 3  # the old track looked too different
    LOST_ASSIGNMENT = 4  # the old track could have had the detection, but did not win it
    EXPIRED = 5  # the old track was gone
    NOT_CONFIRMED = 6  # the old track had never been confirmed, or a new one was started first

    @property
    def label(self) -> str:
        """Lower case, "" for unknown."""
        return self.name.lower().replace("_", " ") if self else ""


@dataclass(frozen=True, eq=False)
class Events:
    """E mishaps of one sequence, ordered by frame.

    `frame` is where it shows: the first frame of a miss or a false track, the frame of the new
    match of a switch or fragment. `last_frame` ends a miss or false track. `gap` is the number of
    frames between the last match of the person and the next one. Ids are the caller's; -1 is none.
    """

    kind: Ints  # (E,) of EventKind
    frame: Ints
    last_frame: Ints
    truth_id: Ints
    old_track: Ints  # that matched the person before
    new_track: Ints  # that matches the person now, or next
    gap: Ints
    visibility_before: NDArray[np.float64]  # at the last match; NaN where unknown
    visibility_after: NDArray[np.float64]  # at the next match
    cause: Ints  # of SwitchCause

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, rows: Any) -> "Events":
        return Events(*(getattr(self, each.name)[rows] for each in fields(self)))

    def of_kind(self, kind: EventKind) -> "Events":
        """The events of one kind."""
        return self[self.kind == kind]


@dataclass(frozen=True, eq=False)
class MatchHistory:
    """Who was matched by which track, when: M matches ordered by person, then by frame."""

    row: Ints  # (M,) truth row
    predicted: Ints  # (M,) predicted row
    person: Ints  # (M,)
    track: Ints  # (M,)
    frame: Ints  # (M,)
    follows: NDArray[np.bool_]  # (M,) whether the one above is of the same person
    interrupted: NDArray[np.bool_]  # (M,) whether there were frames without a match in between


def match_history(comparison: Comparison) -> MatchHistory:
    """The matches of CLEAR, person by person."""
    if comparison.one_side_empty:
        none = np.empty(0, dtype=np.int64)
        return MatchHistory(none, none, none, none, none, none > 0, none > 0)
    pairs = clear_matches(comparison)
    pairs = pairs[np.argsort(comparison.truth.id[comparison.pair_truth[pairs]], kind="stable")]
    row, predicted = comparison.pair_truth[pairs], comparison.pair_predicted[pairs]
    person = comparison.truth.id[row]
    turn = shared_frame_index(comparison)[row]
    follows = np.concatenate([[False], person[1:] == person[:-1]])
    interrupted = follows & np.concatenate([[False], turn[1:] != turn[:-1] + 1])
    track, frame = comparison.predicted.id[predicted], comparison.truth.frame[row]
    return MatchHistory(row, predicted, person, track, frame, follows, interrupted)


def events(comparison: Comparison, truth: MotRows) -> Events:
    """Every mishap in a comparison. `truth` is what was compared, for its visibilities."""
    matched = match_history(comparison)
    visibility = truth.visibility[comparison.truth.row]
    switched = matched.follows & (matched.track != np.roll(matched.track, 1))
    found = [
        _at_matches(EventKind.SWITCH, np.flatnonzero(switched), matched, comparison, visibility),
        _at_matches(
            EventKind.FRAGMENT, np.flatnonzero(matched.interrupted), matched, comparison, visibility
        ),
        _misses(matched, comparison, visibility),
        _false_tracks(matched, comparison),
    ]
    every = Events(
        *(np.concatenate([getattr(part, each.name) for part in found]) for each in fields(Events))
    )
    return every[np.lexsort((every.truth_id, every.kind, every.frame))]


def events_csv(sequences: Mapping[str, Events]) -> str:
    """All events as CSV text; nothing stands where there is no id, visibility or cause."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [each.name for each in fields(Events)]
    writer.writerow(["sequence", *names])
    for name, found in sequences.items():
        columns: list[Iterable[object]] = []
        for each in names:
            values = getattr(found, each).tolist()
            if each == "kind":
                columns.append(EventKind(value).label for value in values)
            elif each == "cause":
                columns.append(SwitchCause(value).label for value in values)
            elif each.startswith("visibility"):
                columns.append("" if v != v else f"{v:.6g}" for v in values)  # NaN
            else:
                columns.append("" if value == NO_ID else value for value in values)
        writer.writerows([name, *line] for line in zip(*columns, strict=True))
    return file.getvalue()


def _at_matches(
    kind: EventKind,
    place: Ints,
    matched: MatchHistory,
    comparison: Comparison,
    visibility: NDArray[np.float64],
) -> Events:
    """Events that show when a person is matched again: `place` (E,) in the matches."""
    ids = comparison.predicted.ids
    return Events(
        kind=np.full(len(place), kind, dtype=np.int64),
        frame=matched.frame[place],
        last_frame=matched.frame[place],
        truth_id=comparison.truth.ids[matched.person[place]],
        old_track=ids[matched.track[place - 1]],
        new_track=ids[matched.track[place]],
        gap=matched.frame[place] - matched.frame[place - 1] - 1,
        visibility_before=visibility[matched.row[place - 1]],
        visibility_after=visibility[matched.row[place]],
        cause=np.zeros(len(place), dtype=np.int64),
    )


def _misses(
    matched: MatchHistory, comparison: Comparison, visibility: NDArray[np.float64]
) -> Events:
    truth = comparison.truth
    missed = np.ones(len(truth), dtype=np.bool_)
    missed[matched.row] = False
    first, last = _runs(truth, missed)
    # Where the person's matches before and after the run stand among all matches.
    key = matched.person * (comparison.frames + 2) + matched.frame
    after = np.searchsorted(key, truth.id[first] * (comparison.frames + 2) + truth.frame[first])
    has_before = (after > 0) & (_at(matched.person, after - 1) == truth.id[first])
    has_after = (after < len(key)) & (_at(matched.person, after) == truth.id[first])
    tracks = np.append(comparison.predicted.ids, NO_ID)
    before_frame = np.where(has_before, _at(matched.frame, after - 1), 0)
    after_frame = np.where(has_after, _at(matched.frame, after), comparison.frames + 1)
    seen = np.append(visibility, np.nan)
    return Events(
        kind=np.full(len(first), EventKind.MISS, dtype=np.int64),
        frame=truth.frame[first],
        last_frame=truth.frame[last],
        truth_id=truth.ids[truth.id[first]],
        old_track=tracks[np.where(has_before, _at(matched.track, after - 1), -1)],
        new_track=tracks[np.where(has_after, _at(matched.track, after), -1)],
        gap=after_frame - before_frame - 1,
        visibility_before=seen[np.where(has_before, _at(matched.row, after - 1), -1)],
        visibility_after=seen[np.where(has_after, _at(matched.row, after), -1)],
        cause=np.zeros(len(first), dtype=np.int64),
    )


def _false_tracks(matched: MatchHistory, comparison: Comparison) -> Events:
    predicted = comparison.predicted
    false = np.ones(len(predicted), dtype=np.bool_)
    false[matched.predicted] = False
    first, last = _runs(predicted, false)
    nothing = np.full(len(first), np.nan)
    nobody = np.full(len(first), NO_ID, dtype=np.int64)
    return Events(
        kind=np.full(len(first), EventKind.FALSE_TRACK, dtype=np.int64),
        frame=predicted.frame[first],
        last_frame=predicted.frame[last],
        truth_id=nobody,
        old_track=nobody,
        new_track=predicted.ids[predicted.id[first]],
        gap=np.zeros(len(first), dtype=np.int64),
        visibility_before=nothing,
        visibility_after=nothing,
        cause=np.zeros(len(first), dtype=np.int64),
    )


def _runs(side: Side, mask: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """First and last row of each run of masked boxes of one id in frames on end."""
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(side.id[rows], kind="stable")]
    if len(rows) == 0:
        return rows, rows
    number, frame = side.id[rows], side.frame[rows]
    begins = np.append(True, (number[1:] != number[:-1]) | (frame[1:] != frame[:-1] + 1))
    ends = np.append(begins[1:], True)
    return rows[begins], rows[ends]


def _at(values: Ints, places: Ints) -> Ints:
    """`values[places]`, and anything where a place lies outside."""
    if len(values) == 0:
        return np.full(len(places), NO_ID, dtype=np.int64)
    at: Ints = values[np.clip(places, 0, len(values) - 1)]
    return at
