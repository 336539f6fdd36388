import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from deepsort_reid.io.mot import write_rows
from deepsort_reid.io.track_writers import CsvWriter, JsonLinesWriter
from deepsort_reid.review import Review
from deepsort_reid.review.run_folder import is_run_folder, read_run
from tests.io.test_track_writers import make_tracks
from tests.review import run_folders


def test_folder_of_an_older_version_is_read(tmp_path, video):
    """Without the input in the summary, and without runner-up and name in people.csv."""
    run = run_folders.write_run(tmp_path / "run", video, input=None)
    path = run / "people.csv"
    lines = [",".join(line.split(",")[:7]) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    found = read_run(run)
    assert (found.info.video, found.info.width, found.info.fps) == (video, 160, 10)
    assert found.people[3].probability == 0.4
    assert found.people[3].runner_up is None


def test_only_tracks_are_needed(tmp_path):
    run = run_folders.write_run(tmp_path / "run")
    (run / "people.csv").unlink()
    (run / "summary.json").unlink()
    found = read_run(run)
    assert found.persons == {1: 1, 2: 2, 3: 3, 4: 4}
    assert (found.info.width, found.info.height) == (140, 110)  # as far as boxes reach
    said = "\n".join(found.info.warnings)
    for text in ("no summary.json", "no people.csv", "no pictures", "25 per second is taken"):
        assert text in said
    with Review.open(run) as review:
        assert review.doubts()


def test_frame_rate_is_that_of_the_times_of_tracks(tmp_path):
    run = run_folders.write_run(tmp_path / "run")
    assert read_run(run).info.fps == run_folders.RATE


def test_video_that_moved_together_with_the_folder_is_found(tmp_path, video):
    run = run_folders.write_run(tmp_path / "a" / "run", tmp_path / "old" / "street.avi")
    shutil.copy(video, tmp_path / "a" / "street.avi")
    assert read_run(run).info.video.resolve() == tmp_path / "a" / "street.avi"


def test_video_with_drawings_is_shown_where_the_source_is_missing(tmp_path, video):
    run = run_folders.write_run(tmp_path / "run", tmp_path / "gone.avi")
    shutil.copy(video, run / "video.mp4")
    info = read_run(run).info
    assert (info.video, info.source) == (run / "video.mp4", None)  # no crops of it
    assert "gone.avi, found none; the video with drawings is shown instead" in info.warnings[0]
    summary = json.loads((run / "summary.json").read_text())
    for change in ({"frames": 29}, {"input": {"start": 2}}, {"input": {"every": 2}}):
        (run / "summary.json").write_text(json.dumps(summary | change))
        assert read_run(run).info.video is None  # its frames have other numbers
    (run / "summary.json").write_text(json.dumps(summary))
    (run / "video.mp4").write_bytes(b"")
    assert read_run(run).info.video is None


def test_camera_is_not_opened(tmp_path):
    for source in ("0", "rtsp://127.0.0.1:1/x"):
        run = run_folders.write_run(tmp_path / source[:1], input=None, source=source)
        assert read_run(run).info.source is None


@pytest.mark.parametrize("writer", [CsvWriter, JsonLinesWriter])
def test_other_formats_of_tracks_are_read(tmp_path, writer):
    run = run_folders.write_run(tmp_path / "run")
    expected = read_run(run)
    rows = run_folders.tracked_rows()
    name = {CsvWriter: "tracks.csv", JsonLinesWriter: "tracks.jsonl"}[writer]
    with writer(run / name) as file:
        for number in range(1, run_folders.FRAMES + 1):
            here = rows[rows.frame == number]
            tracks = replace(make_tracks(here.id, here.xyxy), person_id=here.id % 2 + 7)
            file.append(number, tracks, number / 5)
    (run / "tracks.txt").unlink()
    found = read_run(run)
    np.testing.assert_allclose(found.rows.xyxy, expected.rows.xyxy, atol=0.01)
    assert found.persons == expected.persons  # of people.csv
    assert found.fingerprint == expected.fingerprint
    assert found.info.time_of(30) == 6
    (run / "people.csv").unlink()
    found = read_run(run)
    # Tracks 1 and 3 are one person; tracks 2 and 4 were seen in one frame.
    assert found.persons[1] == found.persons[3] == 8
    assert found.persons[2] == 7
    assert found.persons[4] not in (7, 8)


def test_person_with_two_boxes_in_a_frame_is_said(tmp_path):
    run = run_folders.write_run(tmp_path / "run")
    path = run / "people.csv"
    path.write_text(path.read_text().replace("\n4,4,", "\n4,2,"))
    found = read_run(run)
    assert found.persons[4] not in (1, 2, 3)
    assert "1 track(s) of a person who has another box in the same frame" in str(
        found.info.warnings
    )


def change_text(name, before, after):
    def change(run):
        path = run / name
        path.write_text(path.read_text().replace(before, after))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: (run / "tracks.txt").unlink(), "expected the output folder of `deepsort-reid"),
        (lambda run: (run / "tracks.txt").write_text(""), "nothing to review, the run found no"),
        (change_text("tracks.txt", "1,1,20", "1,1,x"), r"tracks\.txt:1: 'x' is not a number"),
        (change_text("people.csv", "\n2,2,", "\n2,x,"), r"people\.csv:3: expected whole numbers"),
        (change_text("summary.json", "{", "["), r"summary\.json:1: expected JSON"),
        (lambda run: shutil.rmtree(run), "run: no such folder"),
    ],
)
def test_damaged_folder_is_named_in_one_line(tmp_path, change, message):
    run = run_folders.write_run(tmp_path / "run")
    change(run)
    with pytest.raises((OSError, ValueError), match=message) as caught:
        Review.open(run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "summary",
    [
        {"files": 7, "input": [], "registry": 3},
        {"input": {"path": 9, "width": "x", "frame_rate": None}, "source": None},
        {"registry": {"path": "people.sqlite", "camera": None, "run": "x", "ids": []}},
        {"input": {"path": "\x00", "width": -1, "height": 10**30, "frame_rate": 1e300}},
    ],
)
def test_strange_summary_stops_nothing(tmp_path, summary):
    run = run_folders.write_run(tmp_path / "run", **summary)
    info = read_run(run).info
    assert info.width > 0
    assert 0 < info.fps < 1e4


def test_unfinished_run_is_said(tmp_path):
    run = run_folders.write_run(tmp_path / "run", status="running")
    assert "the run did not end as planned: running" in read_run(run).info.warnings


def test_every_second_frame_is_no_gap(tmp_path):
    run = run_folders.write_run(tmp_path / "run")
    rows = run_folders.tracked_rows()
    write_rows(run / "tracks.txt", rows[rows.frame % 2 == 1], "result")
    assert read_run(run).info.every == 2
    with Review.open(run) as review:
        assert not [each for each in review.doubts() if each.kind == "gap"]


def test_run_folder_is_told_from_a_sequence(tmp_path):
    run = run_folders.write_run(tmp_path / "run")
    assert is_run_folder(run)
    (run / "gt").mkdir()
    assert not is_run_folder(run)
    assert not is_run_folder(tmp_path)
    assert not is_run_folder(tmp_path / "none")


def test_summary_of_a_json_run_lists_its_file(tmp_path):
    """A file of an earlier run in another format is not taken."""
    run = run_folders.write_run(tmp_path / "run")
    with JsonLinesWriter(run / "tracks.jsonl") as file:
        file.append(1, make_tracks([5], [[0, 0, 5, 5]]), 0.0)
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"files": ["tracks.jsonl"]}))
    assert set(read_run(run).rows.id.tolist()) == {5}
