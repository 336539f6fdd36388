"""`archive` on a Ray cluster of two CPUs on this machine, which the command joins."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deepsort_reid.cli.main import main
from tests.cli import synthetic_video
from tests.scale import archives

pytestmark = pytest.mark.slow

NUM_SEQUENCES, NUM_VIDEOS = 8, 3  # and one that is broken: 12 videos


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    archives.write_archive(root, sequences=NUM_SEQUENCES - 1, videos=NUM_VIDEOS)
    synthetic_video.write_sequence(root / "long", 300, images=True)
    assert len(archives.names_of(root)) == NUM_SEQUENCES + NUM_VIDEOS == 11
    return root


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    file = synthetic_video.write_embedder(tmp_path_factory.mktemp("models") / "colour.onnx")
    return ("--embedder", str(file))


def archive_on_ray(root, out, address, *options):
    command = ["archive", str(root), "--out", str(out), "--address", address, *options]
    return subprocess.run(
        [sys.executable, "-m", "deepsort_reid", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def test_results_equal_those_of_single_runs_although_a_worker_is_killed(
    cluster, root, embedder, tmp_path
):
    out = tmp_path / "ray"
    with archives.killer(out, "long") as killed:
        done = archive_on_ray(root, out, cluster, *embedder, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert len(killed) == 1
    assert "11 of 12 videos" in done.stdout
    for name in archives.names_of(root):
        alone = archives.tracked_alone(root, name, tmp_path / "alone", *embedder)
        assert alone
        assert archives.tracked_in_archive(out, name) == alone
    errors = {row["video"]: row["error"] for row in archives.read_rows(out, "videos")}
    assert "expected a video" in errors.pop(archives.BROKEN)
    assert set(errors.values()) == {None}

    local = tmp_path / "local"
    assert main(["archive", str(root), "--out", str(local), "--quiet", *embedder]) == 0
    assert archives.contents(out) == archives.contents(local)


def test_models_are_loaded_on_the_workers(cluster, root, tmp_path):
    missing = str(tmp_path / "missing.onnx")
    done = archive_on_ray(root, tmp_path / "out", cluster, "--embedder", missing)
    assert done.returncode == 2
    assert "missing.onnx" in done.stderr
    assert done.stderr.count("deepsort-reid archive: ") == 1
    assert "Traceback" not in done.stderr


def test_run_on_a_cluster_continues_one_without(cluster, root, embedder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    # The processes of the cluster run in another folder.
    monkeypatch.chdir(Path(embedder[1]).parent)
    embedder = ("--embedder", Path(embedder[1]).name)
    assert main(["archive", str(root / "door"), "--out", str(out), "--quiet", *embedder]) == 0
    before = archives.contents(out)
    done = archive_on_ray(root / "door", out, cluster, *embedder)
    assert done.returncode == 0, done.stderr
    assert "videos are done" in done.stdout
    assert archives.contents(out) == before
    shutil.rmtree(out / "tracklets")
    done = archive_on_ray(root / "door", out, cluster, *embedder)
    assert done.returncode == 0, done.stderr
    assert archives.contents(out) == before


def test_speed_up_over_one_worker_is_printed(cluster, root, embedder, tmp_path, capsys):
    seconds = {}
    for workers in ("1", "2"):
        parts = (tmp_path / workers, cluster, *embedder, "--workers", workers)
        done, seconds[workers] = archives.timed(archive_on_ray, root, *parts)
        assert done.returncode == 0, done.stderr
    assert archives.contents(tmp_path / "1") == archives.contents(tmp_path / "2")
    with capsys.disabled():
        ratio = seconds["1"] / seconds["2"]
        print(f"\nRay, the whole command: {json.dumps(seconds)} s, speed-up {ratio:.2f}")
