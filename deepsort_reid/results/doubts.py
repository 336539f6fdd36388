"""What a person should look at: where the tracker may be wrong, the most doubtful first."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from deepsort_reid.results.people import Person, PersonTrack
from deepsort_reid.results.recorder import Recorder
from deepsort_reid.results.times import clock, duration
from deepsort_reid.results.traces import Trace

SURE = 0.9  # probability from which a join is not listed
_SHORT = 1.0  # seconds; a shorter track may be a false detection, or a part of another one
_LONG_GAP = 2.0  # seconds without a box after which a track may go on at another person
_MAX_BREAK = 3.0  # seconds from the end of a track to the beginning of one that may continue it
_REACH = 0.6  # distance that a person may be away then, in heights, and per second of the break
_BORDER = 0.02  # share of the width or height within which people enter and leave the view
_MIN_SIDE = 0.5  # seconds that two tracks are seen before and after they cross

KINDS = {
    "join": "doubtful join",
    "break": "possibly one person",
    "crossing": "crossing",
    "gap": "long gap",
    "short": "short track",
}


class Doubt(NamedTuple):
    """A place where the tracker may be wrong.

    Attributes:
        severity: from 0 to 1, by which doubts are sorted.
        kind: a key of `KINDS`.
        time: in seconds since the first frame.
        persons: whom it concerns.
        text: what is doubtful, in words.
    """

    severity: float
    kind: str
    time: float
    persons: tuple[int, ...]
    text: str


def find_doubts(persons: Sequence[Person], recorder: Recorder) -> list[Doubt]:
    """All doubts of a run, the largest first."""
    person_of = {track.id: person.id for person in persons for track in person.tracks}
    doubts = [
        *_joins(persons),
        *_breaks(persons, person_of, recorder),
        *_crossings(person_of, recorder),
        *_gaps(persons, recorder),
        *_short_tracks(persons),
    ]
    return sorted(doubts, key=lambda each: (-each.severity, each.time))


def _joins(persons: Sequence[Person]) -> Iterator[Doubt]:
    """Tracks whose person is not sure: joined to others, or nearly so."""
    for person in persons:
        for track in person.tracks:
            if math.isnan(track.probability) or track.probability >= SURE:
                continue
            others = [each.id for each in person.tracks if each is not track]
            what = f"Track {track.id} is taken for person {person.id}"
            if others:
                listed = ", ".join(map(str, others[:4])) + " ..." * (len(others) > 4)
                what += f", as {'track' if len(others) == 1 else 'tracks'} {listed}"
            else:
                what += ", who was not seen before"
            text = f"{what}: probability {track.probability:.2f}."
            if track.runner_up is not None and track.runner_up != person.id:
                text += f" The next likely one is person {track.runner_up}."
            if track.reason:
                text += f" ({track.reason})"
            # A wrong join is worse than one that was missed.
            severity = (1 - track.probability) * (1.0 if others else 0.7)
            yield Doubt(severity, "join", track.first_time, (person.id,), text)


def _breaks(
    persons: Sequence[Person], person_of: dict[int, int], recorder: Recorder
) -> Iterator[Doubt]:
    """Tracks that end inside the view near where one of another person begins soon after."""
    traces = recorder.traces.of_track
    tracks = [track for person in persons for track in person.tracks if track.id in traces]
    starts = sorted(tracks, key=lambda track: track.first_time)
    ends = sorted(tracks, key=lambda track: track.last_time)
    first = 0
    for end in ends:
        while first < len(starts) and starts[first].first_time <= end.last_time:
            first += 1
        if _is_at_border(traces[end.id], recorder.place.size):
            continue
        for start in starts[first:]:
            wait = start.first_time - end.last_time
            if wait > _MAX_BREAK:
                break
            if person_of[start.id] == person_of[end.id]:
                continue
            distance = _distance(traces[end.id], traces[start.id])
            reach = _REACH * (1 + wait)
            if distance < reach:
                text = (
                    f"Track {end.id} of person {person_of[end.id]} ends inside the view; "
                    f"{duration(wait)} later track {start.id} of person {person_of[start.id]} "
                    f"begins {distance:.1f} body heights from there."
                )
                both = (person_of[end.id], person_of[start.id])
                severity = 0.6 * (1 - distance / reach) * (1 - wait / (2 * _MAX_BREAK))
                yield Doubt(severity, "break", end.last_time, both, text)


def _is_at_border(trace: Trace, size: tuple[int, int]) -> bool:
    """Whether a track ends where people leave the view."""
    _, x, y, height = trace.last
    width, margin_x, margin_y = 0.4 * height, _BORDER * size[0], _BORDER * size[1]
    left, right = x - width / 2, x + width / 2
    return left < margin_x or right > size[0] - margin_x or y > size[1] - margin_y


def _distance(end: Trace, start: Trace) -> float:
    """From the end of a track to the start of another, in heights; a large one for other sizes."""
    a, b = end.last, start.points[0]
    ratio = max(a.height, b.height) / max(min(a.height, b.height), 1.0)
    return math.hypot(a.x - b.x, a.y - b.y) / max(a.height, 1.0) + (ratio - 1)


def _crossings(person_of: dict[int, int], recorder: Recorder) -> Iterator[Doubt]:
    """Two persons in one place, both of whom are seen before and after."""
    for (id, other), (iou, time) in recorder.crossings.of_pair.items():
        traces = recorder.traces.of_track.get(id), recorder.traces.of_track.get(other)
        persons = person_of.get(id), person_of.get(other)
        if None in (*traces, *persons) or persons[0] == persons[1]:
            continue
        if any(
            each.points[0].time > time - _MIN_SIDE or each.last.time < time + _MIN_SIDE
            for each in traces
            if each is not None
        ):
            continue
        text = (
            f"Persons {persons[0]} and {persons[1]} (tracks {id} and {other}) are in one place: "
            f"their boxes overlap by {100 * iou:.0f} %. Did each keep its id?"
        )
        yield Doubt(0.5 * iou, "crossing", time, (persons[0] or 0, persons[1] or 0), text)


def _gaps(persons: Sequence[Person], recorder: Recorder) -> Iterator[Doubt]:
    """Tracks that go on after a long time without a box."""
    for person in persons:
        for track in person.tracks:
            trace = recorder.traces.of_track.get(track.id)
            spans = trace.spans if trace is not None else []
            for before, after in itertools.pairwise(spans):
                gap = after[0] - before[1]
                if gap >= _LONG_GAP:
                    text = (
                        f"Track {track.id} of person {person.id} has no box for {duration(gap)}, "
                        f"from {clock(before[1])} on."
                    )
                    severity = 0.4 * (1 - _LONG_GAP / (2 * gap))
                    yield Doubt(severity, "gap", after[0], (person.id,), text)


def _short_tracks(persons: Sequence[Person]) -> Iterator[Doubt]:
    """Persons of one short track: nobody, or a part of another person."""
    for person in persons:
        track: PersonTrack = person.tracks[0]
        length = track.last_time - track.first_time
        if len(person.tracks) == 1 and length < _SHORT:
            text = f"Person {person.id} is seen for {duration(length)} only ({track.frames} boxes)."
            severity = 0.3 * (1 - length / _SHORT)
            yield Doubt(severity, "short", track.first_time, (person.id,), text)
