"""The persons of a run, each with its tracks and its best crops."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from deepsort_reid.io.people_file import TrackPerson
from deepsort_reid.results.crops import Crop
from deepsort_reid.results.recorder import Recorder

MAX_CROPS = 8  # shown of a person


class PersonTrack(NamedTuple):
    """A track of a person.

    Attributes:
        id: the track.
        first_time, last_time: in seconds since the first frame.
        frames: in which it has a box.
        probability: that it shows this person; NaN where unknown.
        runner_up: the person that is the next likely one; None where there is none.
        reason: of the decision, in words; "" where unknown.
    """

    id: int
    first_time: float
    last_time: float
    frames: int
    probability: float = float("nan")
    runner_up: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Person:
    """A person of a run.

    Attributes:
        id: the person.
        tracks: by first time.
        crops: the best ones, by time.
        name: that the person was given in the registry; "" without one.
    """

    id: int
    tracks: list[PersonTrack]
    crops: list[Crop]
    name: str = ""

    @property
    def first_time(self) -> float:
        """First time of a box, in seconds."""
        return self.tracks[0].first_time

    @property
    def last_time(self) -> float:
        """Last time of a box, in seconds."""
        return max(each.last_time for each in self.tracks)

    @property
    def frames(self) -> int:
        """Number of frames with a box."""
        return sum(each.frames for each in self.tracks)


def group_persons(
    rows: Iterable[TrackPerson], reasons: dict[int, str], recorder: Recorder
) -> list[Person]:
    """The persons of tracks, by first time.

    Args:
        rows: of people.csv.
        reasons: of the decisions who a track is, where known.
        recorder: of the run.
    """
    tracks: dict[int, list[PersonTrack]] = {}
    names: dict[int, str] = {}
    for row in rows:
        known = row.probability, row.runner_up, reasons.get(row.id, "")
        own = PersonTrack(row.id, row.first_time, row.last_time, row.frames, *known)
        tracks.setdefault(row.person_id, []).append(own)
        names[row.person_id] = row.name
    persons = []
    for id, each in tracks.items():
        each.sort(key=lambda track: (track.first_time, track.id))
        crops = [crop for track in each for crop in recorder.crops.of_track.get(track.id, ())]
        persons.append(Person(id, each, _choose(sorted(crops)), names[id]))
    return sorted(persons, key=lambda person: (person.first_time, person.id))


def _choose(crops: list[Crop]) -> list[Crop]:
    """At most `MAX_CROPS`, spread evenly, and of neighbours the best."""
    if len(crops) <= MAX_CROPS:
        return crops
    ends = [round(len(crops) * part / MAX_CROPS) for part in range(MAX_CROPS + 1)]
    groups = [crops[a:b] for a, b in itertools.pairwise(ends)]
    return [max(group, key=lambda crop: crop.quality) for group in groups]
