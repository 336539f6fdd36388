"""Recorded runs for the tests of the results page."""

import numpy as np

from deepsort_reid.io.people_file import TrackPerson
from deepsort_reid.results.people import Person, group_persons
from deepsort_reid.results.recorder import Recorder
from deepsort_reid.results.track_page import RunResults
from deepsort_reid.results.video_index import VideoIndex
from deepsort_reid.structures.tracks import State, Tracks

SIZE = (320, 240)


def tracks_at(boxes: dict[int, tuple[float, float, float, float]]) -> Tracks:
    """Matched tracks with these boxes (left, top, right, bottom), by id."""
    ids = np.array(list(boxes), np.int64)
    xyxy = np.array(list(boxes.values()), np.float64).reshape(-1, 4)
    ones = np.ones(len(ids), np.int64)
    state = np.full(len(ids), State.CONFIRMED, np.int64)
    return Tracks(
        *(ids, ids, xyxy, xyxy, np.full(len(ids), 0.9), ones, np.arange(len(ids))),
        *(state, ones, 0 * ones),
    )


def box(x: float, y: float, width: float = 20, height: float = 50):
    """A box around the foot point x, y."""
    return x - width / 2, y - height, x + width / 2, y


def record(frames, *, rate: float = 10.0) -> Recorder:
    """Record frames of a grey image; each is a dictionary of boxes by id."""
    image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    recorder = Recorder()
    for number, boxes in enumerate(frames, 1):
        recorder.add(number, (number - 1) / rate, image, tracks_at(boxes))
    return recorder


def persons_of(
    recorder: Recorder, person_of=None, probability=None, runner_up=None, reasons=None, names=None
):
    """Persons of the recorded tracks: each of its own, unless `person_of` says another."""
    rows = []
    for id, trace in recorder.traces.of_track.items():
        first, last = trace.spans[0][0], trace.last.time
        person = (person_of or {}).get(id, id)
        sure = (probability or {}).get(id, 1.0)
        row = TrackPerson(id, person, "camera", first, last, trace.looks, sure)
        name = (names or {}).get(person, "")
        rows.append(row._replace(runner_up=(runner_up or {}).get(id), name=name))
    return group_persons(rows, reasons or {}, recorder)


def results_of(recorder: Recorder, persons: list[Person], **changes) -> RunResults:
    """Results of a run with plain values, and `changes`."""
    values = {
        "title": "street.mp4",
        "frames": recorder.last_frame,
        "boxes": sum(person.frames for person in persons),
        "first_time": 0.0,
        "last_time": max((person.last_time for person in persons), default=1.0),
        "speed": 25.0,
        "persons": persons,
        "recorder": recorder,
        "videos": VideoIndex({"video.mp4": [(0.0, 0.0)]}),
        "facts": [("detector", "none")],
        "notes": [],
    }
    return RunResults(**{**values, **changes})
