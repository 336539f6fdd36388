"""File of the persons of tracks, people.csv: one row per track."""

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.csv_rows import read_rows
from deepsort_reid.io.text_cells import csv_cell, original_cell
from deepsort_reid.structures.mot_rows import MotRows

PEOPLE = "people.csv"


class TrackPerson(NamedTuple):
    """The person of a track.

    Attributes:
        id: the track.
        person_id: its person.
        camera: name of the camera.
        first_time, last_time: of its boxes, in seconds since the first frame.
        frames: number of its boxes.
        probability: that `person_id` is right; NaN where unknown.
        runner_up: the person that it is otherwise most likely; None where there is none.
        name: of the person, "" without one.
    """

    id: int
    person_id: int
    camera: str
    first_time: float
    last_time: float
    frames: int
    probability: float
    runner_up: int | None = None
    name: str = ""


# Files of earlier versions end with the probability.
_REQUIRED, _OPTIONAL = TrackPerson._fields[:7], TrackPerson._fields[7:]


def write_people(path: Path, people: Iterable[TrackPerson], *, sync: bool = True) -> None:
    """Write the persons of tracks, atomically. Raises OSError that names the file."""
    lines = [",".join(TrackPerson._fields)]
    for each in people:
        camera, name = map(csv_cell, (each.camera, each.name))
        probability = "" if math.isnan(each.probability) else f"{each.probability:.4f}"
        lines.append(
            f"{each.id},{each.person_id},{camera},{each.first_time:.3f},{each.last_time:.3f},"
            f"{each.frames},{probability},{each.runner_up or ''},{name}"
        )
    write_atomically(path, "\n".join(lines) + "\n", sync=sync)


def read_people(path: Path) -> dict[int, TrackPerson]:
    """The rows of a file of `write_people`, by track.

    Raises OSError when the file cannot be read, and ValueError with file and line for a row that
    is none.
    """
    people: dict[int, TrackPerson] = {}
    for line, row in read_rows(path, _REQUIRED, _OPTIONAL):
        try:
            id, person = int(row["id"]), int(row["person_id"])
        except ValueError:
            raise ValueError(
                f"{path}:{line}: expected whole numbers as id and person_id, got "
                f"{row['id']!r:.40} and {row['person_id']!r:.40}"
            ) from None
        if id < 1 or person < 1 or id in people:
            raise ValueError(
                f"{path}:{line}: expected different ids from 1, and persons from 1, got id {id} "
                f"and person_id {person}"
            )
        try:
            times = float(row["first_time"]), float(row["last_time"])
            frames, probability = int(row["frames"]), float(row["probability"] or "nan")
            runner_up = int(row.get("runner_up") or 0) or None
        except ValueError:
            raise ValueError(
                f"{path}:{line}: expected numbers as times, frames, probability and runner_up, "
                f"got {row!r:.200}"
            ) from None
        camera, name = original_cell(row["camera"]), original_cell(row.get("name", ""))
        people[id] = TrackPerson(id, person, camera, *times, frames, probability, runner_up, name)
    return people


def read_persons(path: Path) -> dict[int, int]:
    """The person of each track in a file of `write_people`; raises as `read_people`."""
    return {id: row.person_id for id, row in read_people(path).items()}


def with_person_ids(rows: MotRows, persons: dict[int, int]) -> MotRows:
    """The rows with persons as ids.

    A track without a person, and all but the first of several tracks of a person in one frame,
    count as other people.
    """
    unknown = max(persons.values(), default=0)
    person = np.array([persons.get(id, unknown + id) for id in rows.id.tolist()], dtype=np.int64)
    _, first = np.unique(np.stack([rows.frame, person], axis=1), axis=0, return_index=True)
    repeated = np.ones(len(rows), dtype=bool)
    repeated[first] = False
    return replace(rows, id=np.where(repeated, unknown + rows.id, person))
