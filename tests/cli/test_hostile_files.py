"""Files made to exhaust memory or time: one line and exit status 2, with little memory."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from deepsort_reid.vision import onnx_session
from tests.cli import synthetic_video
from tests.vision.embedder_files import write_embedder, write_endless_model

MAX_MEMORY = 400  # MiB of the whole process; it takes about 100 with an ordinary file
SCRIPT = """
import sys
from deepsort_reid.cli.main import main
status = main(sys.argv[1:])
lines = open("/proc/self/status").read().splitlines()
print([line.split()[1] for line in lines if line.startswith("VmHWM")][0])
sys.exit(status)
"""


def run(*arguments):
    """Run a command in a process of its own; returns status, stderr and its memory in MiB."""
    if not sys.platform.startswith("linux"):
        pytest.skip("measures memory in /proc, which this system does not have")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    memory = done.stdout.splitlines()[-1] if done.stdout else "nan"
    return done.returncode, done.stderr, float(memory) / 1024


def write_empty_png(path, side):
    """Write a black grey image of side x side pixels, compressed to a thousandth."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(1 + side)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path.parent


def far_frame(folder):
    one = np.ones(1)
    np.savez(folder / "far.npz", frame=one * 10**15, score=one, xyxy=[[0, 0, 9, 9]])
    return ["--detections", folder / "far.npz"]


def bomb(folder):
    zeros = np.zeros(2 * 10**7)
    np.savez_compressed(folder / "bomb.npz", frame=zeros, score=zeros, xyxy=np.zeros((1, 4)))
    return ["--detections", folder / "bomb.npz"]


def brackets(folder):
    (folder / "brackets.json").write_text("[" * 200_000)
    return ["--config", folder / "brackets.json"]


@pytest.mark.slow
@pytest.mark.parametrize("make", [far_frame, bomb, brackets])
def test_hostile_option_is_one_line_and_takes_little_memory(make, video, tmp_path):
    options = make(tmp_path)
    out = tmp_path / "out"
    status, error, memory = run("track", video, "--embedder", "none", "--out", out, *options)
    assert status == 2
    assert error.startswith(f"deepsort-reid track: {options[1]}")
    assert error.count("\n") == 1
    assert memory < MAX_MEMORY
    assert not out.exists()


@pytest.mark.slow
def test_image_with_too_many_pixels_is_one_line_and_takes_little_memory(tmp_path):
    """144 million pixels, which OpenCV decodes by itself."""
    folder = write_empty_png(tmp_path / "images" / "1.png", 12_000)
    status, error, memory = run("track", folder, "--embedder", "none", "--out", tmp_path / "out")
    assert status == 2
    assert "1.png: expected an image, got a file that OpenCV cannot decode" in error
    assert error.count("\n") == 1
    assert memory < MAX_MEMORY


@pytest.mark.slow
def test_ordinary_files_take_less_memory_than_the_limit_of_these_tests(video, tmp_path):
    status, error, memory = run(
        *("track", video, "--embedder", "none", "--out", tmp_path / "out", "--quiet"), "--no-video"
    )
    assert (status, error) == (0, "")
    assert memory < MAX_MEMORY


def test_tracks_that_are_a_symlink_are_not_followed(run_track, out, tmp_path, capsys):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    out.mkdir()
    (out / "tracks.txt").symlink_to(other)
    assert run_track("--quiet", "--no-video") == 2
    assert "tracks.txt: expected a file of an earlier run or none" in (
        synthetic_video.read_error_line(capsys)
    )
    assert other.read_text() == "mine"


def assert_refused(run_track, capfd, message, *options, **named):
    """The command ends with 2 and one line."""
    assert run_track("--quiet", *map(str, options), **named) == 2
    captured = capfd.readouterr()
    assert captured.err.startswith(f"deepsort-reid track: {message}")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--embedder", "--detector"])
def test_network_of_a_huge_input_is_refused(option, run_track, tmp_path, capfd):
    path = write_embedder(tmp_path / "tall.onnx", shape=("batch", 3, 10**9, 32))
    assert_refused(run_track, capfd, f"{path}: expected inputs of", option, path, detector=())


def test_network_of_a_huge_size_in_its_metadata_is_refused(run_track, tmp_path, capfd):
    shape = ("batch", 3, "h", "w")
    path = write_embedder(tmp_path / "a.onnx", shape=shape, input_height=10**9, input_width=8)
    assert_refused(run_track, capfd, f"{path}: expected inputs of", "--embedder", path)


def test_network_that_fails_at_run_time_is_refused(run_track, tmp_path, capfd):
    path = write_embedder(tmp_path / "a.onnx", shape=("b", 3, 8, 4), operator="MaxUnpool")
    assert_refused(run_track, capfd, f"{path}: ", "--embedder", path)


def test_endless_network_is_refused(run_track, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(onnx_session, "_FIRST_RUN_TIMEOUT", 0.2)
    path = write_endless_model(tmp_path / "endless.onnx")
    assert_refused(run_track, capfd, f"{path}: onnxruntime cannot run", "--embedder", path)


def test_brackets_as_summary_of_a_folder_are_none(run_track, out, capfd):
    out.mkdir()
    (out / "summary.json").write_text("[" * 200_000)
    expected = f"{out / 'summary.json'}: expected a file of an earlier run"
    assert_refused(run_track, capfd, expected)


def test_too_little_memory_is_one_line(run_track, monkeypatch, capfd):
    from deepsort_reid.cli import track

    def fail(*_, **__):
        raise MemoryError("Unable to allocate 8 TiB")

    monkeypatch.setattr(track, "make_detector", fail)
    assert_refused(run_track, capfd, "not enough memory: Unable to allocate 8 TiB")


def write_million_rows(path):
    """10 persons in each of 100,000 frames."""
    persons = [f"{1 + k},{100 * k},{10 + 7 * k},40,80,1,-1,-1,-1" for k in range(10)]
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        for frame in range(1, 100_001):
            file.writelines(f"{frame},{person}\n" for person in persons)


@pytest.mark.slow
def test_folder_of_a_million_rows_is_scored_in_less_than_1_gb(tmp_path):
    write_million_rows(tmp_path / "data" / "SEQ" / "gt" / "gt.txt")
    write_million_rows(tmp_path / "results" / "SEQ.txt")
    status, error, memory = run("evaluate", tmp_path / "data", tmp_path / "results")
    print(f"{memory:.0f} MiB")
    assert status == 0, error
    assert memory < 1000


@pytest.mark.slow
def test_million_detections_are_read_in_less_than_1_gb(video, tmp_path):
    """One in each frame, with an embedding; the video has fewer frames."""
    frames, path = 10**6, tmp_path / "found.npz"
    xyxy = np.tile([0.0, 0, 9, 9], (frames, 1))
    embedding = np.full((frames, 16), 0.25, dtype=np.float16)
    frame = np.arange(1, frames + 1)
    np.savez(path, frame=frame, xyxy=xyxy, score=np.ones(frames), embedding=embedding)
    words = ("track", video, "--detections", path, "--embedder", "none", "--no-video")
    status, error, memory = run(*words, "--out", tmp_path / "out", "--quiet")
    print(f"{memory:.0f} MiB")
    assert (status, error) == (0, "")
    assert memory < 1000
