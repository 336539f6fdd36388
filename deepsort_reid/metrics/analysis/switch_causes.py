"""The cause of each identity switch, from the tracker's record of its decisions."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.csv_rows import read_rows
from deepsort_reid.metrics.analysis.events import EventKind, Events, SwitchCause
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows

MIN_IOU = 0.5  # from which a detection is taken to show a ground-truth box

# The columns that identify a switch in an event list.
SWITCH_KEY = ("frame", "truth_id", "old_track", "new_track")

_CAUSES = {
    "expired": SwitchCause.EXPIRED,
    "not confirmed": SwitchCause.NOT_CONFIRMED,
    "below min_score": SwitchCause.MISSED_DETECTION,
    "motion": SwitchCause.MOTION_GATE,
    "appearance": SwitchCause.APPEARANCE,
    "lost assignment": SwitchCause.LOST_ASSIGNMENT,
}


class TrackerRecord(Protocol):
    """A tracker's record of its decisions, such as `DeepSort(explain=True).decision_log`.

    Frames are counted from 1. Tracks are named by their id in the results, detections by their
    row in the input of the frame.
    """

    def detections(self, frame: int) -> NDArray[np.float64]:
        """All boxes xyxy (M, 4) that the tracker was given in `frame`."""
        ...

    def rejection_reason(self, frame: int, track: int, detection: int) -> str:
        """Why `track` did not get `detection` in `frame`."""
        ...


def cause_of_rejection(reason: str) -> SwitchCause:
    """The cause for a reason given by a `TrackerRecord`; UNKNOWN for any other text."""
    return _CAUSES.get(reason, SwitchCause.UNKNOWN)


def attribute_switches(
    events: Events, comparison: Comparison, truth: MotRows, record: TrackerRecord
) -> Events:
    """The same events with a cause for each switch.

    The cause is found in the first frame after the old track's last match in which a detection
    overlaps the person's box: the record tells why the old track did not get that detection.
    If there is no such detection up to the new track's match, the detector missed the person.

    Args:
        events: errors of one sequence.
        comparison: the comparison from which they were computed.
        truth: the compared ground truth.
        record: of the tracker that made the predictions.
    """
    cause = events.cause.copy()
    side = comparison.truth
    person = np.searchsorted(side.ids, events.truth_id)
    for i in np.flatnonzero(events.kind == EventKind.SWITCH):
        cause[i] = SwitchCause.MISSED_DETECTION
        last_frame = int(events.frame[i])
        first_frame = last_frame - int(events.gap[i])
        rows = np.arange(*np.searchsorted(side.frame, [first_frame, last_frame + 1]))
        for row in rows[side.id[rows] == person[i]]:
            frame = int(side.frame[row])
            detection = _best_detection(truth.xyxy[side.row[row]], record.detections(frame))
            if detection is not None:
                reason = record.rejection_reason(frame, int(events.old_track[i]), detection)
                cause[i] = cause_of_rejection(reason)
                break
    return replace(events, cause=cause)


def _best_detection(xyxy: NDArray[np.float64], detections: NDArray[np.float64]) -> int | None:
    """Row of the detection (M, 4) with the largest IoU with a box (4,), None below `MIN_IOU`."""
    overlap = boxes.iou(xyxy[None], detections)[0]
    if len(overlap) == 0 or overlap.max() < MIN_IOU:
        return None
    return int(overlap.argmax())


def causes_from_csv(events: Events, path: Path) -> Events:
    """The same events with the causes stored in an event list of an earlier run.

    A cause is copied only to the switch of the same person between the same tracks in the same
    frame. Raises ValueError if the file is not an event list and OSError if it cannot be read.
    """
    by_label = {cause.label: cause for cause in SwitchCause}
    known: dict[tuple[str, ...], SwitchCause] = {}
    columns = ("sequence", *(field.name for field in fields(Events)))
    for line, row in read_rows(path, columns):
        if row["kind"] != EventKind.SWITCH.label:
            continue
        if row["cause"] not in by_label:
            raise ValueError(
                f"{path}:{line}: expected an event list of evaluate or benchmark, got the cause "
                f"{row['cause']!r:.40}"
            )
        known[tuple(row[name] for name in SWITCH_KEY)] = by_label[row["cause"]]
    cause = events.cause.copy()
    for i in np.flatnonzero(events.kind == EventKind.SWITCH):
        key = tuple(str(getattr(events, name)[i]) for name in SWITCH_KEY)
        cause[i] = known.get(key, SwitchCause.UNKNOWN)
    return replace(events, cause=cause)
