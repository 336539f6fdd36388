import csv
import math

import numpy as np
import pytest

from deepsort_reid import MotRows
from deepsort_reid.io.people_file import (
    TrackPerson,
    read_people,
    read_persons,
    with_person_ids,
    write_people,
)

ROWS = [
    TrackPerson(1, 4, "door", 0.0, 1.25, 20, 0.98, 7, '=Ada, "A"'),
    TrackPerson(2, 4, 'a "back" door, left', 2, 3, 5, math.nan),
]


def test_written_people_are_read(tmp_path):
    path = tmp_path / "people.csv"
    write_people(path, ROWS)
    assert read_persons(path) == {1: 4, 2: 4}
    assert read_people(path)[1] == ROWS[0]
    with path.open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "id": "1",
        "person_id": "4",
        "camera": "door",
        "first_time": "0.000",
        "last_time": "1.250",
        "frames": "20",
        "probability": "0.9800",
        "runner_up": "7",
        "name": '\'=Ada, "A"',
    }
    assert (second["camera"], second["probability"]) == ('a "back" door, left', "")


def test_file_of_an_earlier_version_is_read(tmp_path):
    path = tmp_path / "people.csv"
    header = "id,person_id,camera,first_time,last_time,frames,probability\n"
    path.write_text(f"{header}1,4,door,0.000,1.250,20,0.9800\n")
    assert read_people(path) == {1: TrackPerson(1, 4, "door", 0.0, 1.25, 20, 0.98)}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,1,c,0,0,1,1,,", r"people.csv:3: expected whole numbers as id and person_id, got 'x'"),
        ("1,2,c,0,0,1,1,,", r"people.csv:3: expected different ids from 1"),
        ("2,0,c,0,0,1,1,,", r"people.csv:3: expected different ids from 1, and persons from 1"),
        ("2,1,c,0,later,1,1,,", r"people.csv:3: expected numbers as times, frames, probability"),
        ("2,1,c", r"people.csv:3: expected 9 cells, got 3"),
    ],
)
def test_invalid_row_is_named(tmp_path, row, message):
    path = tmp_path / "people.csv"
    write_people(path, ROWS[:1])
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(ValueError, match=message):
        read_persons(path)


def test_ids_are_replaced_by_persons():
    rows = MotRows(np.array([1, 1, 2, 3, 3]), np.array([1, 2, 3, 1, 3]), np.ones((5, 4)).cumsum(1))
    # Track 3 is person 7, too, and both have a box in frame 3: only one of them can be right.
    found = with_person_ids(rows, {1: 7, 3: 7})
    assert found.id.tolist() == [7, 7 + 2, 7, 7, 7 + 3]
