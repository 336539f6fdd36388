"""Writers of tracks: MOT text, CSV and JSON lines, complete on disk after each frame."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from deepsort_reid.io.mot import read_results
from deepsort_reid.io.track_writers import CsvWriter, JsonLinesWriter, MotWriter
from deepsort_reid.structures.tracks import State, Tracks


def make_tracks(ids, xyxy):
    n = len(ids)
    whole = np.zeros(n, dtype=np.int64)
    box = np.asarray(xyxy, dtype=np.float64).reshape(n, 4)
    state = np.full(n, State.CONFIRMED, dtype=np.int64)
    return Tracks(
        np.asarray(ids, dtype=np.int64),
        np.asarray(ids, dtype=np.int64),
        box,
        box,
        np.full(n, 0.5),
        whole,
        whole,
        state,
        whole,
        whole,
    )


def test_results_are_on_disk_after_each_frame_before_the_file_is_closed(tmp_path):
    path = tmp_path / "tracks.txt"
    with MotWriter(path) as writer:
        writer.append(1, make_tracks([1, 2], [[10, 20, 40, 80], [0.5, 0, 10, 10]]))
        assert path.read_text().splitlines() == [
            "1,1,10,20,30,60,0.5,-1,-1,-1",
            "1,2,0.5,0,9.5,10,0.5,-1,-1,-1",
        ]
        writer.append(2, Tracks.empty())
        writer.append(3, make_tracks([2], [[1, 2, 3, 4]]))
        assert read_results(path).frame.tolist() == [1, 1, 3]


def test_written_frames_remain_after_ctrl_c(tmp_path):
    path = tmp_path / "tracks.txt"

    def interrupted():
        with MotWriter(path) as writer:
            writer.append(1, make_tracks([1], [[10, 20, 40, 80]]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(read_results(path)) == 1


def test_mot_file_has_no_tracks_without_an_id(tmp_path):
    path = tmp_path / "tracks.txt"
    with MotWriter(path) as writer:
        writer.append(1, make_tracks([0, 5], [[10, 20, 40, 80], [10, 20, 40, 80]]))
    assert read_results(path).id.tolist() == [5]


def test_frame_number_below_1_is_rejected(tmp_path):
    with (
        MotWriter(tmp_path / "tracks.txt") as writer,
        pytest.raises(ValueError, match="frame must be 1 or more, got 0"),
    ):
        writer.append(0, Tracks.empty())


def test_unwritable_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="absent"):
        MotWriter(tmp_path / "absent" / "tracks.txt")


def test_csv_has_a_header_and_one_line_per_box(tmp_path):
    path = tmp_path / "tracks.csv"
    with CsvWriter(path) as writer:
        writer.append(1, make_tracks([1, 2], [[10, 20, 40, 80], [0.5, 0, 10, 10]]), 0.0)
        writer.append(2, Tracks.empty(), 0.04)
        writer.append(3, make_tracks([2], [[1, 2, 3, 4]]), 1.23456)
        writer.append(4, make_tracks([2], [[1, 2, 3, 4]]))
        assert path.read_text().splitlines() == [
            "frame,time,id,person_id,left,top,right,bottom,score,class_id,class_name",
            "1,0.000,1,1,10.00,20.00,40.00,80.00,0.5000,0,",
            "1,0.000,2,2,0.50,0.00,10.00,10.00,0.5000,0,",
            "3,1.235,2,2,1.00,2.00,3.00,4.00,0.5000,0,",
            "4,,2,2,1.00,2.00,3.00,4.00,0.5000,0,",
        ]


def test_names_of_classes_are_written(tmp_path):
    tracks = make_tracks([1, 2], [[10, 20, 40, 80], [1, 2, 3, 4]])
    tracks = replace(tracks, data={"class_name": np.array(['a "b", c', None], dtype=object)})
    with CsvWriter(tmp_path / "a.csv") as table, JsonLinesWriter(tmp_path / "a.jsonl") as lines:
        table.append(1, tracks)
        lines.append(1, tracks)
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["class_name"] for row in csv.DictReader(file)] == ['a "b", c', ""]
    rows = json.loads((tmp_path / "a.jsonl").read_text())["tracks"]
    assert [row.get("class_name") for row in rows] == ['a "b", c', None]


def test_json_lines_have_one_object_per_frame(tmp_path):
    path = tmp_path / "tracks.jsonl"
    with JsonLinesWriter(path) as writer:
        writer.append(1, make_tracks([7], [[10, 20, 40, 80]]), 0.5)
        writer.append(2, Tracks.empty(), 0.53333)
        writer.append(3, Tracks.empty())
        track = {"id": 7, "person_id": 7, "xyxy": [10, 20, 40, 80], "score": 0.5}
        track |= {"class_id": 0, "detection": 0}
        assert [json.loads(line) for line in path.read_text().splitlines()] == [
            {"frame": 1, "time": 0.5, "tracks": [track]},
            {"frame": 2, "time": 0.533, "tracks": []},
            {"frame": 3, "time": None, "tracks": []},
        ]
