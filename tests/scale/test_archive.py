"""`archive` in processes of this machine: equal to `track`, restart, broken videos, kills."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.scale.archive.tables import files_of, read_tracklets
from tests.cli import synthetic_video
from tests.cli.synthetic_video import read_error_line
from tests.scale import archives


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    file = synthetic_video.write_embedder(tmp_path_factory.mktemp("models") / "colour.onnx")
    return ("--embedder", str(file))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return archives.write_archive(tmp_path_factory.mktemp("archive"), sequences=3, videos=1)


@pytest.fixture(scope="module")
def finished(root, embedder, tmp_path_factory):
    """Output folder of the archive."""
    out = tmp_path_factory.mktemp("finished") / "out"
    assert archive(root, out, *embedder) == 0
    return out


def archive(source, out, *options):
    return main(["archive", str(source), "--out", str(out), "--quiet", *options])


def test_tracks_equal_those_of_single_runs(root, finished, embedder, tmp_path):
    for name in archives.names_of(root):
        alone = archives.tracked_alone(root, name, tmp_path / "alone", *embedder)
        assert alone
        assert archives.tracked_in_archive(finished, name) == alone


def test_same_people_of_all_videos_are_the_same_persons(root, finished):
    people = archives.read_rows(finished, "people")
    sequences = [row for row in people if "sequence" in row["video"]]
    assert [(row["id"], row["person_id"]) for row in sequences] == [(1, 1), (2, 2)] * 3
    assert {row["camera"] for row in people} == {row["video"] for row in people}
    for row in people:
        (tracklet,) = [
            each
            for each in read_tracklets(files_of(finished, row["video"]).tracklets)
            if each.id == row["id"]
        ]
        assert (row["first_time"], row["last_time"]) == (tracklet.first_time, tracklet.last_time)
        assert row["frames"] == tracklet.frames
        assert 0 <= row["probability"] <= 1


def test_tables_of_boxes_and_persons_can_be_joined(root, finished):
    boxes, people = pd.read_parquet(finished / "tracks"), archives.read_rows(finished, "people")
    joined = boxes.merge(pd.read_parquet(finished / "people.parquet"), on=["video", "id"])
    assert len(joined) == len(boxes) == sum(row["frames"] for row in people)
    assert set(boxes["video"]) == set(archives.names_of(root))


def test_tracklet_holds_appearance_and_tracks_seen_beside_it(root, finished):
    name = next(each for each in archives.names_of(root) if "sequence" in each)
    red, blue = read_tracklets(files_of(finished, name).tracklets)
    assert (red.id, red.seen_together, blue.id, blue.seen_together) == (1, [2], 2, [1])
    assert red.last_frame - red.first_frame + 1 == red.frames == 11  # of 13
    for each in (red, blue):
        assert np.linalg.norm(each.prototypes.embedding, axis=1) == pytest.approx(1, abs=1e-3)
        assert each.prototypes.counts.sum() == each.frames


def test_broken_video_is_a_row_with_its_error(root, finished):
    rows = {row["video"]: row for row in archives.read_rows(finished, "videos")}
    assert sorted(rows) == sorted([*archives.names_of(root), archives.BROKEN])
    assert "expected a video" in rows.pop(archives.BROKEN)["error"]
    for name, row in rows.items():
        assert row["error"] is None
        assert row["boxes"] == len(archives.tracked_in_archive(finished, name))
        ids = {id for _, _, id, *_ in archives.tracked_in_archive(finished, name)}
        assert (row["width"], row["height"], row["tracks"]) == (160, 120, len(ids))


def test_second_run_tracks_only_what_is_not_done(root, finished, embedder, tmp_path, capsys):
    before = archives.contents(finished)
    times = {path: path.stat().st_mtime_ns for path in (finished / "tracks").iterdir()}
    lost = files_of(finished, archives.names_of(root)[0]).tracklets
    lost.unlink()
    assert main(["archive", str(root), "--out", str(finished), *embedder]) == 0
    printed = capsys.readouterr()
    assert "3 of 5 videos are done" in printed.out
    assert archives.contents(finished) == before
    changed = [path for path, time in times.items() if path.stat().st_mtime_ns != time]
    assert changed == [files_of(finished, archives.names_of(root)[0]).tracks]


def test_changed_video_is_tracked_again(embedder, tmp_path):
    root, out = tmp_path / "videos", tmp_path / "out"
    folder = synthetic_video.write_sequence(root / "one", 8, images=True)
    assert archive(root, out, *embedder) == 0
    synthetic_video.write_detections(folder / "det" / "det.txt", 6)
    assert archive(root, out, *embedder) == 0
    assert max(int(row[0]) for row in archives.tracked_in_archive(out, "one")) == 6
    synthetic_video.write_sequence(root / "two", 8, images=True)
    for image in (folder / "img1").iterdir():
        image.write_bytes(b"no image")
    assert archive(root, out, *embedder) == 0
    assert [row["error"] is None for row in archives.read_rows(out, "videos")] == [False, True]
    assert {row["video"] for row in archives.read_rows(out, "people")} == {"two"}
    assert set(pd.read_parquet(out / "tracks")["video"]) == {"two"}


def test_number_of_workers_does_not_change_a_byte(root, finished, embedder, tmp_path):
    assert archive(root, tmp_path / "out", *embedder, "--workers", "1", "--threads", "2") == 0
    assert archives.contents(tmp_path / "out") == archives.contents(finished)


def test_videos_of_a_folder_can_be_one_camera(root, finished, embedder, tmp_path):
    before = (finished / "people.parquet").read_bytes()
    assert archive(root, finished, *embedder, "--cameras", "folder") == 0
    people = archives.read_rows(finished, "people")
    assert {row["camera"] for row in people} == {"door", "hall"}
    assert [row["person_id"] for row in people if "sequence" in row["video"]] == [1, 2] * 3
    assert archive(root, finished, *embedder) == 0
    assert (finished / "people.parquet").read_bytes() == before


def test_without_embedder_every_track_is_a_person(root, tmp_path):
    out, options = tmp_path / "out", ("--embedder", "none")
    assert archive(root, out, *options) == 0
    people = archives.read_rows(out, "people")
    assert [row["person_id"] for row in people] == list(range(1, len(people) + 1))
    for name in archives.names_of(root):
        alone = archives.tracked_alone(root, name, tmp_path / "alone", *options)
        assert archives.tracked_in_archive(out, name) == alone


@pytest.mark.slow
@pytest.mark.parametrize(("times", "error"), [(1, None), (3, "killed 3 times")])
def test_video_of_a_killed_worker_is_tried_again(embedder, tmp_path, times, error):
    root = archives.write_archive(tmp_path / "videos", sequences=2, videos=0)
    synthetic_video.write_sequence(root / "long", 400, images=True)
    out, expected = tmp_path / "out", tmp_path / "expected"
    assert archive(root, expected, *embedder) == 0
    with archives.killer(out, "long", times) as killed:
        assert archive(root, out, *embedder, "--workers", "2") == 0
    assert len(set(killed)) == times
    rows = {row["video"]: row["error"] for row in archives.read_rows(out, "videos")}
    if error is None:
        assert archives.contents(out) == archives.contents(expected)
    else:
        assert error in rows.pop("long")
        assert [each for each in rows.values() if each] == [rows[archives.BROKEN]]
    assert not list((out / ".attempts").iterdir())


@pytest.mark.slow
def test_interrupted_run_ends_its_workers_and_is_continued(embedder, tmp_path):
    root = archives.write_archive(tmp_path / "videos", sequences=2, videos=0)
    synthetic_video.write_sequence(root / "long", 400, images=True)
    out, expected = tmp_path / "out", tmp_path / "expected"
    assert archive(root, expected, *embedder) == 0
    mark = Path(f"{files_of(out, 'long').attempts}.1")
    command = ["archive", str(root), "--out", str(out), *embedder, "--quiet"]
    with subprocess.Popen(
        [sys.executable, "-m", "deepsort_reid", *command], stderr=subprocess.DEVNULL
    ) as process:
        limit = time.monotonic() + 120
        while not (mark.exists() and mark.read_text().endswith("\n")):
            assert time.monotonic() < limit
            time.sleep(0.01)
        worker = int(mark.read_text().split()[1])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert not files_of(out, "long").tracklets.exists()
    assert archive(root, out, *embedder) == 0
    assert archives.contents(out) == archives.contents(expected)


def test_video_that_is_cut_off_keeps_its_first_frames(embedder, tmp_path):
    folder = synthetic_video.write_sequence(tmp_path / "one", 9, images=True)
    (folder / "img1" / "000007.png").write_bytes(b"not an image")
    out = tmp_path / "out"
    assert archive(tmp_path / "one", out, *embedder) == 0
    (row,) = archives.read_rows(out, "videos")
    assert row["frames"] == 6
    assert "only 6 of 9 frames could be read" in row["error"]
    assert len(archives.read_rows(out, "people")) == 2


def test_list_names_videos_relative_to_itself(root, finished, embedder, tmp_path):
    names = [*archives.names_of(root), "missing.mp4"]
    (root / "list.txt").write_text("\n\n".join(names) + "\n", encoding="utf-8")
    out = tmp_path / "out"
    assert archive(root / "list.txt", out, *embedder) == 0
    assert archives.read_rows(out, "people") == archives.read_rows(finished, "people")
    errors = {row["video"]: row["error"] for row in archives.read_rows(out, "videos")}
    assert "no such video file" in errors["missing.mp4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.mp4\nrtsp://host/live\n", "list.txt:2: expected a file or folder, got a stream"),
        ("a.mp4\n\n./a.mp4\n", "list.txt:3: the video of line 1 again"),
        ("\n", "expected the path of a video in each line, got none"),
    ],
)
def test_bad_list_is_one_line(tmp_path, capsys, text, message):
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    assert archive(tmp_path / "list.txt", tmp_path / "out") == 2
    assert message in read_error_line(capsys)
    assert not (tmp_path / "out").exists()


def test_folder_without_videos_is_one_line(tmp_path, capsys):
    assert archive(tmp_path, tmp_path / "out") == 2
    assert "expected a folder with videos, found none" in read_error_line(capsys)


def test_archive_of_broken_videos_alone_is_an_error(tmp_path, capsys):
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert archive(tmp_path, tmp_path / "out", "--embedder", "none") == 2
    assert "none of 1 videos could be tracked" in capsys.readouterr().err


def test_other_settings_are_refused(root, finished, capsys):
    assert archive(root, finished, "--embedder", "none", "--every", "2") == 2
    assert "expected embedder as in the earlier run" in read_error_line(capsys)


def test_folder_of_something_else_is_refused(root, tmp_path, capsys):
    (tmp_path / "tracks").mkdir()
    assert archive(root, tmp_path) == 2
    assert "but without archive.json" in read_error_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["tracks"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "0"), "--workers: expected at least 1, got 0"),
        (("--every", "0"), "--every: expected at least 1, got 0"),
        (("--min-score", "2"), "--min-score: expected a number from 0 to 1, got 2.0"),
        (("--detector", "det.txt"), "expected a detector, got the detections of one video"),
        (("--detector", "missing.onnx"), "missing.onnx"),
        (("--embedder", "missing.onnx"), "missing.onnx"),
        (("--detector-weights", "w.pt"), "expected --detector torchvision:NAME"),
    ],
)
def test_bad_option_is_one_line(root, tmp_path, capsys, options, message):
    assert archive(root, tmp_path / "out", *options) == 2
    assert message in read_error_line(capsys)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("here", "expected auto, local or HOST:PORT"),
        ("ray://127.0.0.1:1", "expected auto, local or HOST:PORT"),
        ("127.0.0.1:1", "expected a Ray cluster"),
    ],
)
def test_cluster_that_cannot_be_reached_is_one_line(root, tmp_path, address, message):
    """In a process of its own: Ray makes warnings, and changes the process."""
    command = ["archive", str(root), "--out", str(tmp_path / "out"), "--address", address]
    done = subprocess.run(
        [sys.executable, "-m", "deepsort_reid", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("package", "options"), [("pyarrow", ""), ("ray", "'--address', 'auto'")])
def test_missing_package_is_one_line(root, tmp_path, package, options):
    script = f"""
        import sys
        sys.modules["{package}"] = None
        from deepsort_reid.cli.main import main
        sys.exit(main(["archive", {str(root)!r}, "--out", {str(tmp_path / "out")!r}, {options}]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"needs {package}, which is not installed: pip install 'deepsort-reid[cluster]'" in (
        done.stderr
    )
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_settings_are_beside_the_results(finished, embedder):
    settings = json.loads((finished / "archive.json").read_text(encoding="utf-8"))
    assert settings["embedder"] == embedder[1]
    assert settings["config"]["n_init"] == 3
    assert (finished / "tracklets").stat().st_mode & 0o077 == 0
