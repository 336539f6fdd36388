"""`cameras`: outputs of all cameras, equality with `track`, ends, errors and stop signals."""

import csv
import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from deepsort_reid.cli import cameras_setup
from deepsort_reid.cli.main import main
from deepsort_reid.io.folder_lock import FolderLock
from deepsort_reid.io.mot import read_results
from tests.cli import synthetic_video
from tests.cli.synthetic_video import read_error_line, read_strict_json, write_sequence
from tests.io.mjpeg_server import MjpegServer


@pytest.fixture
def embedder(tmp_path):
    return synthetic_video.write_embedder(tmp_path / "colour.onnx")


@pytest.fixture
def sequences(tmp_path):
    """MOT sequences of two people: 10 frames, 10 per second, and 6 frames, 5 per second."""
    long = write_sequence(tmp_path / "data" / "long", 10, images=True)
    short = write_sequence(tmp_path / "data" / "short", 6, images=True)
    info = short / "seqinfo.ini"
    info.write_text(info.read_text().replace("frameRate=10", "frameRate=5"))
    return long, short


@pytest.fixture
def run_cameras(out):
    def run(*words):
        return main(["cameras", *map(str, words), "--out", str(out), "--quiet"])

    return run


def read_people(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_outputs_of_each_camera_are_those_of_track(run_cameras, sequences, embedder, out, tmp_path):
    options = ["--embedder", embedder, "--save-detections", "--explain"]
    assert run_cameras(*sequences, *options) == 0
    for source in sequences:
        alone = tmp_path / "alone"
        words = ["track", source, "--out", alone, "--quiet", *options]
        assert main(list(map(str, words))) == 0
        for name in ("tracks.txt", "detections.txt", "explanations.txt"):
            assert (out / source.name / name).read_bytes() == (alone / name).read_bytes(), name
        assert synthetic_video.decode_video(out / source.name / "video.mp4") == (
            synthetic_video.decode_video(alone / "video.mp4")
        )
        summary, expected = (
            read_strict_json(folder / "summary.json") for folder in (out / source.name, alone)
        )
        assert summary["camera"] == source.name
        for name in ("status", "frames", "boxes", "identities", "config", "embedder", "source"):
            assert summary[name] == expected[name]


def test_people_wall_and_summary_are_over_all_cameras(run_cameras, sequences, embedder, out):
    assert run_cameras(*sequences, "--embedder", embedder) == 0
    people = read_people(out / "people.csv")
    assert [(each["camera"], each["id"]) for each in people] == [
        ("long", "1"),
        ("long", "2"),
        ("short", "1"),
        ("short", "2"),
    ]
    # Tracks of two cameras at one time are different people unless the topology says otherwise.
    assert len({each["person_id"] for each in people}) == 4
    # The frames of `short` are at 0, 0.2, ... 1 s; the wall has the rate of `long`.
    frames, size = synthetic_video.decode_video(out / "wall.mp4")
    assert (frames, size) == (11, (2 * synthetic_video.WIDTH + 2, synthetic_video.HEIGHT))
    summary = read_strict_json(out / "summary.json")
    assert (summary["status"], summary["frames"], summary["tracks"]) == ("complete", 16, 4)
    assert summary["files"] == ["people.csv", "wall.mp4"]
    assert {name: each["status"] for name, each in summary["cameras"].items()} == {
        "long": "complete",
        "short": "complete",
    }


def test_wall_shows_the_images_and_which_camera_has_ended(run_cameras, sequences, out):
    assert run_cameras(*sequences, "--embedder", "none") == 0
    capture = cv2.VideoCapture(str(out / "wall.mp4"))
    images = []
    while (answer := capture.read())[0]:
        images.append(answer[1])
    width = synthetic_video.WIDTH
    background = [
        float(np.median(half)) for half in (images[0][:, :width], images[0][:, width + 2 :])
    ]
    assert background == pytest.approx([90, 90], abs=3)
    assert np.median(images[-1][:, :width]) < 10  # `long` ended a frame before `short`
    assert np.median(images[-1][:, width + 2 :]) == pytest.approx(90, abs=3)


def test_file_gives_cameras_settings_and_topology(sequences, embedder, tmp_path, capsys):
    (tmp_path / "site.toml").write_text(
        f"""
        out = "results"
        embedder = "{embedder.name}"
        registry = "people.sqlite"
        [config]
        n_init = 2
        [[cameras]]
        name = "gate"
        source = "data/long"
        [[cameras]]
        source = "data/short"
        detections = "data/short/det/det.txt"
        [topology]
        same_place = [["gate", "short"]]
        """
    )
    assert main(["cameras", str(tmp_path / "site.toml"), "--no-wall"]) == 0
    assert "2 cameras, 16 frames, 4 tracks, 2 persons" in capsys.readouterr().out
    out = tmp_path / "results"
    people = read_people(out / "people.csv")
    persons = {}
    for each in people:
        persons.setdefault(each["camera"], []).append(each["person_id"])
    assert persons["gate"] == persons["short"]
    assert not (out / "wall.mp4").exists()
    assert (tmp_path / "people.sqlite").exists()
    assert read_results(out / "gate" / "tracks.txt").frame.min() == 2
    # The same folder again, and the same persons.
    assert main(["cameras", str(tmp_path / "site.toml"), "--quiet"]) == 0
    assert {each["person_id"] for each in read_people(out / "people.csv")} <= set(persons["gate"])


def test_results_are_the_same_bytes_in_every_run(run_cameras, sequences, embedder, out):
    def run(*options):
        assert run_cameras(*sequences, "--embedder", embedder, "--save-detections", *options) == 0
        names = ("people.csv", "long/tracks.txt", "short/tracks.txt", "short/detections.txt")
        return [(out / name).read_bytes() for name in names]

    first = run("--threads", "1")
    assert run("--threads", "4") == first


def test_camera_that_ends_early_does_not_stop_the_others(run_cameras, sequences, out, capsys):
    long, short = sequences
    (short / "img1" / "000004.png").write_bytes(b"no image")
    assert run_cameras(f"door={short}", long, "--embedder", "none") == 2
    error = read_error_line(capsys)
    assert "1 of 2 cameras ended early" in error
    assert "door: " in error
    assert "only 3 of 6 frames could be read" in error
    summary = read_strict_json(out / "summary.json")
    assert summary["status"] == "complete"
    assert (
        summary["cameras"]["long"] | {"status": "complete", "frames": 10}
        == (summary["cameras"]["long"])
    )
    assert "only 3 of 6 frames" in summary["cameras"]["door"]["status"]
    assert read_strict_json(out / "door" / "summary.json")["frames"] == 3
    assert read_results(out / "long" / "tracks.txt").frame.max() == 10


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
def test_stop_signal_ends_the_run_with_everything_saved(
    name, status, run_cameras, sequences, out, monkeypatch
):
    from deepsort_reid import DeepSort

    update, calls = DeepSort.update, []

    def stop_at_ninth(self, *given, **named):
        calls.append(self)
        if len(calls) == 9:
            signal.raise_signal(getattr(signal, name))
        return update(self, *given, **named)

    monkeypatch.setattr(DeepSort, "update", stop_at_ninth)
    assert run_cameras(*sequences, "--embedder", "none") == status
    summary = read_strict_json(out / "summary.json")
    assert summary["status"] == "interrupted"
    assert {each["status"] for each in summary["cameras"].values()} == {"interrupted"}
    assert read_strict_json(out / "long" / "summary.json")["status"] == "interrupted"
    rows = [read_results(out / each.name / "tracks.txt") for each in sequences]
    frames = [each["frames"] for each in summary["cameras"].values()]
    assert [int(each.frame.max()) for each in rows] == frames
    assert len(read_people(out / "people.csv")) == 4
    assert synthetic_video.decode_video(out / "wall.mp4")[0] > 0


def test_live_cameras_are_tracked_until_they_end(run_cameras, out, capsys):
    frames = [synthetic_video.render_frame(k) for k in range(1, 9)]

    with MjpegServer(frames) as one, MjpegServer(frames) as other:
        cameras = [f"one={one.url()}", f"other={other.url()}"]
        options = ["--embedder", "none", "--reconnect", "0"]
        assert run_cameras(*cameras, *options, "--format", "csv") == 2
    error = read_error_line(capsys)
    assert "2 of 2 cameras ended early" in error
    summary = read_strict_json(out / "summary.json")
    for name in ("one", "other"):
        camera = summary["cameras"][name]
        assert "the source ended" in camera["status"]
        assert 1 <= camera["frames"] <= 8
        assert read_strict_json(out / name / "summary.json")["stream"]["latest"] is True
    assert (out / "wall.mp4").exists()


def test_live_camera_that_cannot_be_reached_does_not_stop_the_others(run_cameras, out, capsys):
    with MjpegServer([synthetic_video.render_frame(1)] * 3) as server, MjpegServer() as off:
        cameras = [f"on={server.url()}", f"off={off.url()}"]
        assert run_cameras(*cameras, "--embedder", "none", "--reconnect", "0") == 2
    error = read_error_line(capsys)
    assert "off: stream http://" in error
    assert "2 of 2 cameras ended early" in error
    summary = read_strict_json(out / "summary.json")
    assert summary["cameras"]["off"]["frames"] == 0
    assert "expected frames, got none" in summary["cameras"]["off"]["status"]


def test_notes_name_the_camera(sequences, out, capsys):
    long, short = sequences
    (long / "det" / "det.txt").write_text("1,-1,10,10,20,50,0.3\n")
    (short / "img1" / "000004.png").write_bytes(b"no image")
    words = ["cameras", str(long), str(short), "--embedder", "none", "--out", str(out)]
    assert main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    prefix = "deepsort-reid cameras: long: note: "
    assert any(line.startswith(f"{prefix}the highest score is 0.3") for line in lines)
    assert any("short: note: " in line and "only 3 of 6 frames" in line for line in lines)


def test_another_process_that_writes_to_the_folder_is_named(run_cameras, sequences, out, capsys):
    out.mkdir()
    with FolderLock(out):
        assert run_cameras(*sequences, "--embedder", "none") == 2
    assert f"process {os.getpid()}" in read_error_line(capsys)


def test_file_of_another_origin_is_not_replaced(run_cameras, sequences, out, capsys):
    out.mkdir()
    (out / "wall.mp4").write_text("my film")
    assert run_cameras(*sequences, "--embedder", "none") == 2
    assert "wall.mp4: expected a file of an earlier run or none" in read_error_line(capsys)
    assert (out / "wall.mp4").read_text() == "my film"


def test_damaged_registry_is_one_line_and_nothing_is_written(
    run_cameras, sequences, out, tmp_path, capsys
):
    registry = tmp_path / "people.sqlite"
    registry.write_bytes(b"SQLite format 3\0" + b"x" * 4000)
    assert run_cameras(*sequences, "--embedder", "none", "--registry", registry) == 2
    assert str(registry) in read_error_line(capsys)
    assert not out.exists()


def test_live_cameras_and_files_are_not_mixed(run_cameras, sequences, capsys):
    with MjpegServer([synthetic_video.render_frame(1)]) as server:
        assert run_cameras(server.url(), sequences[0], "--embedder", "none") == 2
    assert "all files or all live" in read_error_line(capsys)


def test_start_time_of_a_file_shifts_the_times_of_all(run_cameras, sequences, tmp_path, out):
    file = tmp_path / "two.toml"
    file.write_text(
        'embedder = "none"\n[[cameras]]\nsource = "data/long"\n'
        '[[cameras]]\nsource = "data/short"\nstart_time = 60\n'
    )
    assert run_cameras(file, "--no-video") == 0
    first = {each["camera"]: float(each["first_time"]) for each in read_people(out / "people.csv")}
    assert first == {"long": pytest.approx(0.2), "short": pytest.approx(60.4)}


@pytest.mark.slow
def test_sigterm_from_outside_ends_the_process(sequences, out):
    words = [sys.executable, "-m", "deepsort_reid", "cameras", "--embedder", "none", "--quiet"]
    with MjpegServer() as server:
        server.scripts.append([*synthetic_video.render_frames(8), server.stall])
        process = subprocess.Popen(
            [*words, "--out", str(out), "--stall-timeout", "60", server.url()],
            stderr=subprocess.PIPE,
            text=True,
        )
        while process.poll() is None and not (out / "camera" / "tracks.txt").exists():
            pass
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60)[1] == "deepsort-reid cameras: stopped\n"
    assert process.returncode == 143
    assert read_strict_json(out / "summary.json")["status"] == "interrupted"


def test_network_is_loaded_once_for_all_cameras(monkeypatch, tmp_path, sequences, run_cameras):
    from tests.vision.detectors.yolox_files import write_yolox

    made = []
    original = cameras_setup.make_detector

    def spy(args, note):
        made.append(args.source)
        return original(args, note)

    monkeypatch.setattr(cameras_setup, "make_detector", spy)
    network = write_yolox(tmp_path / "yolox.onnx", {0: (0.5, 0.5, 1.0, 1.5, 1.0, 0.9, 0)})
    options = ["--detector", network, "--embedder", "none", "--no-video"]
    assert run_cameras(*sequences, *options) == 0
    assert len(made) == 1
