"""Why an id changed: each switch traced to what the tracker's record says about it."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.events import Cause, Events, Kind
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows

ON_THE_PERSON = 0.5  # IoU from which a detection shows a person


class Record(Protocol):
    """What a tracker remembers of its choices, as far as `attribute` asks.

    Frames are counted from 1, tracks by the id they have in the results, detections by the row
    they had in that frame's input.
    """

    def detections(self, frame: int) -> NDArray[np.float64]:
        """All boxes xyxy (M, 4) that the tracker was given in `frame`."""
        ...

    def verdict(self, frame: int, track: int, detection: int) -> Cause:
        """Why `track` did not get `detection` in `frame`."""
        ...


class Refusals(Protocol):
    """A tracker's record that gives its reasons in words, as `tracking.record.Record` does."""

    def detections(self, frame: int) -> NDArray[np.float64]: ...
    def refusal(self, frame: int, track: int, detection: int) -> str: ...


_CAUSES = {
    "expired": Cause.EXPIRED,
    "not confirmed": Cause.NOT_CONFIRMED,
    "not looked at": Cause.DETECTOR_MISSED,  # its score was too low for the tracker
    "motion": Cause.MOTION_GATE,
    "appearance": Cause.APPEARANCE,
    "other was cheaper": Cause.OTHER_WAS_CHEAPER,
}


class TrackerRecord:
    """The `Record` of a `DeepSort(record=True)`: its words as causes."""

    def __init__(self, record: Refusals) -> None:
        self._record = record

    def detections(self, frame: int) -> NDArray[np.float64]:
        """All boxes xyxy (M, 4) that the tracker was given in `frame`."""
        return self._record.detections(frame)

    def verdict(self, frame: int, track: int, detection: int) -> Cause:
        """Why `track` did not get `detection` in `frame`."""
        return _CAUSES.get(self._record.refusal(frame, track, detection), Cause.UNKNOWN)


def attribute(events: Events, comparison: Comparison, truth: MotRows, record: Record) -> Events:
    """The same events with a cause for each switch. `truth` is what was compared.

    A switch is decided in the first frame after the old track's last match in which a detection
    lies on the person: there the record says why the old track did not take it. Without such a
    detection until the new track's match the detector missed the person.
    """
    cause = events.cause.copy()
    side = comparison.truth
    person = np.searchsorted(side.ids, events.truth_id)
    for place in np.flatnonzero(events.kind == Kind.SWITCH):
        cause[place] = Cause.DETECTOR_MISSED
        last = int(events.frame[place])
        lost = last - int(events.gap[place])
        span = np.arange(*np.searchsorted(side.frame, [lost, last + 1]))
        for row in span[side.id[span] == person[place]]:
            frame = int(side.frame[row])
            detection = _on_the_person(truth.xyxy[side.row[row]], record.detections(frame))
            if detection is not None:
                cause[place] = record.verdict(frame, int(events.old_track[place]), detection)
                break
    return replace(events, cause=cause)


def _on_the_person(xyxy: NDArray[np.float64], detections: NDArray[np.float64]) -> int | None:
    overlap = boxes.iou(xyxy[None], detections)[0]
    if len(overlap) == 0 or overlap.max() < ON_THE_PERSON:
        return None
    return int(overlap.argmax())


def causes_from_csv(events: Events, path: Path) -> Events:
    """The same events with the causes that an event list of an earlier run names for them.

    Only switches of the same person between the same tracks in the same frame take one over.
    Raises ValueError when the file is no such list, OSError when it cannot be read.
    """
    named = {cause.in_words: cause for cause in Cause}
    known: dict[tuple[str, ...], Cause] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                if row["kind"] == Kind.SWITCH.in_words:
                    known[tuple(row[name] for name in _SWITCH)] = named[row["cause"]]
            except KeyError as error:
                raise ValueError(f"{path}:{line}: no event list: {error} is unknown") from None
    cause = events.cause.copy()
    for place in np.flatnonzero(events.kind == Kind.SWITCH):
        key = tuple(str(getattr(events, name)[place]) for name in _SWITCH)
        cause[place] = known.get(key, Cause.UNKNOWN)
    return replace(events, cause=cause)


_SWITCH = ("frame", "truth_id", "old_track", "new_track")
