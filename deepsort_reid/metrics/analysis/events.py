"""The errors of a sequence as a table: identity switches, fragments, misses and false tracks.

The rows add up to the CLEAR counts: the number of switches is IDSW, that of fragments is Frag, the
frames of all misses add up to FN and the frames of all false tracks to FP.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.text_cells import safe_cell
from deepsort_reid.metrics.clear import clear_matches, shared_frame_index
from deepsort_reid.metrics.comparison import Comparison, Side
from deepsort_reid.structures.mot_rows import MotRows

Ints = NDArray[np.int64]

NO_ID = -1  # stands for "no track" or "no ground-truth id"


class EventKind(IntEnum):
    """The kinds of errors."""

    SWITCH = 0  # a ground-truth id is matched to another track than at its last match
    FRAGMENT = 1  # a ground-truth id is matched again after frames without a match
    MISS = 2  # a ground-truth id has no match in one or more consecutive frames
    FALSE_TRACK = 3  # a track has no match in one or more consecutive frames

    @property
    def label(self) -> str:
        """The name in files and reports: lower case, with spaces."""
        return self.name.lower().replace("_", " ")


class SwitchCause(IntEnum):
    """Why the old track lost the person at an identity switch, from the tracker's record."""

    UNKNOWN = 0
    MISSED_DETECTION = 1  # no detection of the person until the match with the new track
    MOTION_GATE = 2  # the detection was outside the motion gate of the old track
    APPEARANCE = 3  # the appearance distance to the old track was too large
    LOST_ASSIGNMENT = 4  # the match was possible, but the assignment chose another one
    EXPIRED = 5  # the old track had been deleted
    NOT_CONFIRMED = 6  # the old track was never confirmed, or a new track was created first

    @property
    def label(self) -> str:
        """The name in files and reports: lower case, with spaces, "" for UNKNOWN."""
        return self.name.lower().replace("_", " ") if self else ""


@dataclass(frozen=True, eq=False)
class Events:
    """E errors of one sequence, ordered by frame. Ids are those of the files, -1 for none."""

    kind: Ints  # (E,) of EventKind
    frame: Ints  # (E,) first frame of a miss or false track, frame of the new match otherwise
    last_frame: Ints  # (E,) of a miss or false track, else equal to `frame`
    truth_id: Ints  # (E,)
    old_track: Ints  # (E,) the track of the ground-truth id's last match before the event
    new_track: Ints  # (E,) the track of its first match after it; the track of a false track
    gap: Ints  # (E,) frames between these two matches
    visibility_before: NDArray[np.float64]  # (E,) at the last match before, NaN if unknown
    visibility_after: NDArray[np.float64]  # (E,) at the first match after, NaN if unknown
    cause: Ints  # (E,) of SwitchCause

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, rows: Any) -> "Events":
        return Events(*(getattr(self, each.name)[rows] for each in fields(self)))

    def of_kind(self, kind: EventKind) -> "Events":
        """The events of one kind."""
        return self[self.kind == kind]


@dataclass(frozen=True, eq=False)
class MatchHistory:
    """The M matches of CLEAR, ordered by ground-truth id and then by frame."""

    truth_row: Ints  # (M,) row in `Comparison.truth`
    predicted_row: Ints  # (M,) row in `Comparison.predicted`
    truth_id: Ints  # (M,) index into `Comparison.truth.ids`
    track_id: Ints  # (M,) index into `Comparison.predicted.ids`
    frame: Ints  # (M,)
    continues: NDArray[np.bool_]  # (M,) whether the previous match has the same ground-truth id
    after_gap: NDArray[np.bool_]  # (M,) whether there are unmatched frames since the previous one

    @property
    def is_switch(self) -> NDArray[np.bool_]:
        """Whether the same ground-truth id was matched to another track before, (M,)."""
        is_switch: NDArray[np.bool_] = self.continues & (self.track_id != np.roll(self.track_id, 1))
        return is_switch


def match_history(comparison: Comparison) -> MatchHistory:
    """The matches of CLEAR, trajectory by trajectory."""
    if comparison.one_side_empty:
        none = np.empty(0, dtype=np.int64)
        return MatchHistory(none, none, none, none, none, none > 0, none > 0)
    pairs = clear_matches(comparison)
    pairs = pairs[np.argsort(comparison.truth.id[comparison.pair_truth[pairs]], kind="stable")]
    truth_row, predicted_row = comparison.pair_truth[pairs], comparison.pair_predicted[pairs]
    truth_id, track_id = comparison.truth.id[truth_row], comparison.predicted.id[predicted_row]
    shared_frame = shared_frame_index(comparison)[truth_row]
    continues = np.append(False, truth_id[1:] == truth_id[:-1])[: len(pairs)]
    after_gap = np.append(False, shared_frame[1:] != shared_frame[:-1] + 1)[: len(pairs)]
    frame = comparison.truth.frame[truth_row]
    return MatchHistory(
        truth_row, predicted_row, truth_id, track_id, frame, continues, continues & after_gap
    )


def events(comparison: Comparison, truth: MotRows) -> Events:
    """All errors of a sequence. `truth` is the compared ground truth, read for visibilities."""
    history = match_history(comparison)
    visibility = truth.visibility[comparison.truth.row]
    switches, fragments = np.flatnonzero(history.is_switch), np.flatnonzero(history.after_gap)
    parts = [
        _events_at_matches(EventKind.SWITCH, switches, history, comparison, visibility),
        _events_at_matches(EventKind.FRAGMENT, fragments, history, comparison, visibility),
        _misses(history, comparison, visibility),
        _false_tracks(history, comparison),
    ]
    found = Events(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Events))
    )
    return found[np.lexsort((found.truth_id, found.kind, found.frame))]


def events_csv(sequences: Mapping[str, Events]) -> str:
    """The events of all sequences as CSV text. Unknown ids, visibilities and causes are empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [field.name for field in fields(Events)]
    writer.writerow(["sequence", *names])
    for sequence, found in sequences.items():
        columns: list[Iterable[object]] = []
        for name in names:
            values = getattr(found, name).tolist()
            if name == "kind":
                columns.append(EventKind(value).label for value in values)
            elif name == "cause":
                columns.append(SwitchCause(value).label for value in values)
            elif name.startswith("visibility"):
                columns.append("" if math.isnan(value) else f"{value:.6g}" for value in values)
            else:
                columns.append("" if value == NO_ID else value for value in values)
        name = safe_cell(sequence)
        writer.writerows([name, *row] for row in zip(*columns, strict=True))
    return file.getvalue()


def _events_at_matches(
    kind: EventKind,
    at: Ints,
    history: MatchHistory,
    comparison: Comparison,
    visibility: NDArray[np.float64],
) -> Events:
    """Events that occur when a ground-truth id is matched again, at the matches `at` (E,)."""
    track_ids = comparison.predicted.ids
    return Events(
        kind=np.full(len(at), kind, dtype=np.int64),
        frame=history.frame[at],
        last_frame=history.frame[at],
        truth_id=comparison.truth.ids[history.truth_id[at]],
        old_track=track_ids[history.track_id[at - 1]],
        new_track=track_ids[history.track_id[at]],
        gap=history.frame[at] - history.frame[at - 1] - 1,
        visibility_before=visibility[history.truth_row[at - 1]],
        visibility_after=visibility[history.truth_row[at]],
        cause=np.zeros(len(at), dtype=np.int64),
    )


def _misses(
    history: MatchHistory, comparison: Comparison, visibility: NDArray[np.float64]
) -> Events:
    truth = comparison.truth
    is_missed = np.ones(len(truth), dtype=np.bool_)
    is_missed[history.truth_row] = False
    first, last = _runs(truth, is_missed)
    truth_id = truth.id[first]
    # The indices of the last match before each run and of the first match after it, in the history.
    key = history.truth_id * (comparison.frames + 2) + history.frame
    after = np.searchsorted(key, truth_id * (comparison.frames + 2) + truth.frame[first])
    before = after - 1
    has_before = (before >= 0) & (_take(history.truth_id, before) == truth_id)
    has_after = (after < len(key)) & (_take(history.truth_id, after) == truth_id)
    frame_before = np.where(has_before, _take(history.frame, before), 0)
    frame_after = np.where(has_after, _take(history.frame, after), comparison.frames + 1)
    # The last entry stands for "no match" and is read as index -1.
    track_ids = np.append(comparison.predicted.ids, NO_ID)
    visibility = np.append(visibility, np.nan)
    return Events(
        kind=np.full(len(first), EventKind.MISS, dtype=np.int64),
        frame=truth.frame[first],
        last_frame=truth.frame[last],
        truth_id=truth.ids[truth_id],
        old_track=track_ids[np.where(has_before, _take(history.track_id, before), -1)],
        new_track=track_ids[np.where(has_after, _take(history.track_id, after), -1)],
        gap=frame_after - frame_before - 1,
        visibility_before=visibility[np.where(has_before, _take(history.truth_row, before), -1)],
        visibility_after=visibility[np.where(has_after, _take(history.truth_row, after), -1)],
        cause=np.zeros(len(first), dtype=np.int64),
    )


def _false_tracks(history: MatchHistory, comparison: Comparison) -> Events:
    predicted = comparison.predicted
    is_false = np.ones(len(predicted), dtype=np.bool_)
    is_false[history.predicted_row] = False
    first, last = _runs(predicted, is_false)
    unknown = np.full(len(first), np.nan)
    no_id = np.full(len(first), NO_ID, dtype=np.int64)
    return Events(
        kind=np.full(len(first), EventKind.FALSE_TRACK, dtype=np.int64),
        frame=predicted.frame[first],
        last_frame=predicted.frame[last],
        truth_id=no_id,
        old_track=no_id,
        new_track=predicted.ids[predicted.id[first]],
        gap=np.zeros(len(first), dtype=np.int64),
        visibility_before=unknown,
        visibility_after=unknown,
        cause=np.zeros(len(first), dtype=np.int64),
    )


def _runs(side: Side, mask: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """First and last row of each run of masked boxes of one id in consecutive frames."""
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(side.id[rows], kind="stable")]
    if len(rows) == 0:
        return rows, rows
    ids, frame = side.id[rows], side.frame[rows]
    begins = np.append(True, (ids[1:] != ids[:-1]) | (frame[1:] != frame[:-1] + 1))
    ends = np.append(begins[1:], True)
    return rows[begins], rows[ends]


def _take(values: Ints, indices: Ints) -> Ints:
    """`values[indices]`, with an arbitrary value for indices out of range."""
    if len(values) == 0:
        return np.full(len(indices), NO_ID, dtype=np.int64)
    taken: Ints = values[np.clip(indices, 0, len(values) - 1)]
    return taken
