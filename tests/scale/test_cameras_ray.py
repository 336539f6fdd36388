"""`cameras --address`: a process for each camera and one for the registry, which may be killed."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.identity import PersonRegistry, Topology
from deepsort_reid.scale.ray_registry import RegistryServer
from tests.cli import synthetic_video
from tests.cli.synthetic_video import read_error_line
from tests.identity.people import People

FRAMES = 500


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two MOT sequences with exact detections."""
    root = tmp_path_factory.mktemp("cameras")
    for name in ("door", "hall"):
        folder = synthetic_video.write_sequence(root / name, 1)
        for image in synthetic_video.write_images(folder / "img1", 20).iterdir():
            image.rename(image.with_suffix(".used"))
        _repeat_images(folder)
    synthetic_video.write_embedder(root / "colour.onnx")
    return root


def _repeat_images(folder):
    """People who walk forth and back, in as many frames as the test takes."""
    rows = []
    for number in range(1, FRAMES + 1):
        place = 1 + abs((number - 1) % 38 - 19)  # 20, 19, ..., 1, 2, ..., 20
        source = folder / "img1" / f"{place:06d}.used"
        os.link(source, folder / "img1" / f"{number:06d}.png")
        for x1, y1, x2, y2 in synthetic_video.true_boxes(place).tolist():
            rows.append(f"{number},-1,{x1},{y1},{x2 - x1},{y2 - y1},0.9,-1,-1,-1\n")
    (folder / "det" / "det.txt").write_text("".join(rows), encoding="utf-8")
    info = folder / "seqinfo.ini"
    info.write_text(info.read_text().replace("seqLength=1", f"seqLength={FRAMES}"))


def cameras(root, out, address):
    sources = [f"{name}={root / name}" for name in ("door", "hall")]
    return [
        *(sys.executable, "-m", "deepsort_reid", "cameras", *sources, "--no-video"),
        *("--embedder", str(root / "colour.onnx"), "--registry", str(out / "people.sqlite")),
        *("--address", address, "--out", str(out)),
    ]


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def read_people(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def process_of_camera(out):
    """The process that tracks the door, as soon as it has a checkpoint."""
    if not (out / "door" / ".checkpoint.npz").exists():
        return None
    return int((out / "door" / ".lock").read_text().split()[1].rstrip(","))


def process_of_registry(out):
    """The process of the registry, as soon as the door has a checkpoint."""
    if process_of_camera(out) is None:
        return None
    path = out / "people.sqlite-writer"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        (name,) = database.execute("SELECT name FROM writer").fetchone()
    return int(name.split()[1])


def kill_once(find, out):
    """Kill the process that `find` returns, from another thread; returns what was killed."""
    killed = []

    def kill():
        limit = time.monotonic() + 120
        while not killed and time.monotonic() < limit:
            try:
                process = find(out)
            except (OSError, IndexError, ValueError, sqlite3.Error):
                process = None  # between two states
            if process is not None:
                os.kill(process, signal.SIGKILL)
                killed.append(process)
            time.sleep(0.01)

    thread = threading.Thread(target=kill)
    thread.start()
    return killed, thread


@pytest.fixture(scope="module")
def expected(root, tmp_path_factory):
    """Tracks of each camera, by `track` alone."""
    texts = {}
    for name in ("door", "hall"):
        out = tmp_path_factory.mktemp("alone") / name
        command = ["track", str(root / name), "--out", str(out), "--no-video", "--quiet"]
        assert main([*command, "--embedder", str(root / "colour.onnx")]) == 0
        texts[name] = (out / "tracks.txt").read_bytes()
    return texts


@pytest.mark.slow
@pytest.mark.parametrize("find", [process_of_camera, process_of_registry])
def test_persons_keep_their_identity_when_a_process_is_killed(
    cluster, root, expected, tmp_path, find
):
    killed, thread = kill_once(find, tmp_path)
    done = run(cameras(root, tmp_path, cluster))
    thread.join()
    assert done.returncode == 0, done.stderr
    assert killed
    for name, text in expected.items():
        assert (tmp_path / name / "tracks.txt").read_bytes() == text
    people = read_people(tmp_path / "people.csv")
    assert [(row["camera"], row["id"], row["frames"]) for row in people] == [
        (camera, id, str(FRAMES - 2)) for camera in ("door", "hall") for id in ("1", "2")
    ]
    # Two cameras see them at the same time, and their views do not overlap.
    assert sorted(row["person_id"] for row in people) == ["1", "2", "3", "4"]
    assert people[:2] == read_people(tmp_path / "door" / "people.csv")
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["status"] == "complete"
    was_camera = find is process_of_camera
    assert summary["cameras"]["door"]["resumed"] == int(was_camera)
    with PersonRegistry(tmp_path / "people.sqlite", read_only=True) as registry:
        for row in people:
            track = registry.track(row["camera"], int(row["id"]))
            assert (str(track.person_id), track.run) == (row["person_id"], 1)


@pytest.mark.slow
def test_interrupted_run_completes_its_files(cluster, root, tmp_path):
    with subprocess.Popen(
        cameras(root, tmp_path, cluster), stderr=subprocess.PIPE, text=True
    ) as process:
        limit = time.monotonic() + 120
        tracks = tmp_path / "hall" / "tracks.txt"
        while not (tracks.exists() and tracks.stat().st_size):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=120)
    assert process.returncode == 143, error
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["status"] == "interrupted"
    assert 0 < summary["cameras"]["hall"]["frames"] < FRAMES
    assert read_people(tmp_path / "people.csv")


@pytest.mark.slow
def test_camera_that_cannot_be_opened_does_not_stop_the_others(cluster, root, tmp_path):
    command = cameras(root, tmp_path, cluster)
    command[command.index(f"hall={root / 'hall'}")] = f"hall={tmp_path / 'missing.mp4'}"
    done = run(command)
    assert done.returncode == 2
    assert "1 of 2 cameras ended early" in done.stderr
    assert "missing.mp4" in done.stderr
    assert {row["camera"] for row in read_people(tmp_path / "people.csv")} == {"door"}


def test_cluster_without_a_registry_file_is_refused(root, tmp_path, capsys):
    command = ["cameras", str(root / "door"), "--address", "auto", "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert "expected --registry FILE.sqlite" in read_error_line(capsys)
    assert not (tmp_path / "out").exists()


def test_restarted_registry_goes_on_in_the_runs_of_its_cameras(tmp_path):
    people, topology = People(), Topology()
    path = str(tmp_path / "people.sqlite")

    def update(server, time, ids=(1, 2)):
        embedding = np.concatenate([people.embed([id]) for id in ids])
        return server.call("update", ("door", time, list(ids), embedding), {}).person_id.tolist()

    server = RegistryServer(path, topology, restarted=False)
    run = server.call("start_camera", ("door",), {})
    assert [update(server, time) for time in range(30)][-1] == [1, 2]
    server.call("close", (), {})

    server = RegistryServer(path, topology, restarted=True)
    assert update(server, 30) == [1, 2]
    assert update(server, 31, ids=(1, 2, 3)) == [1, 2, 3]
    assert server.call("run", ("door",), {}) == run
    server.call("close", (), {})

    server = RegistryServer(path, topology, restarted=False)  # of another run of the program
    update(server, 40, ids=(5,))
    assert server.call("run", ("door",), {}) == run + 1
    server.call("close", (), {})
