"""`track --resume`: a run that was killed or stopped goes on, and its rows are the same."""

import os
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future
from itertools import pairwise

import cv2
import numpy as np
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.cli.run_files import CHECKPOINT, FORCED_CHECKPOINT
from deepsort_reid.io.detection_writer import EMBEDDINGS, ROWS, DetectionWriter
from deepsort_reid.io.state_file import read_state
from deepsort_reid.tracking import DeepSort
from tests.cli import synthetic_video

FRAMES = 60
FORMATS = {"mot": "tracks.txt", "csv": "tracks.csv", "jsonl": "tracks.jsonl"}


@pytest.fixture(scope="module")
def long_video(tmp_path_factory):
    """A textured street, so that optical flow has something to follow."""
    folder = tmp_path_factory.mktemp("street")
    rng = np.random.default_rng(0)
    noise = rng.integers(60, 120, (140, 200, 3), dtype=np.uint8)
    texture = cv2.GaussianBlur(noise, (5, 5), 0)
    path = folder / "street.avi"
    with synthetic_video.VideoWriter(path, 10, (160, 120)) as writer:
        for number in range(1, FRAMES + 1):
            shift = number // 3 % 20
            image = texture[shift : shift + 120, shift : shift + 160].copy()
            for (x1, y1, x2, y2), colour in zip(
                boxes_at(number).astype(int), ((0, 0, 255), (255, 0, 0)), strict=True
            ):
                image[max(y1, 0) : y2, max(x1, 0) : x2] = colour
            writer.write(np.ascontiguousarray(image))
    lines = []
    for number in range(1, FRAMES + 1):
        if 20 < number < 26:
            continue  # nobody is detected
        for x1, y1, x2, y2 in boxes_at(number) + rng.normal(0, 1, (2, 4)):
            lines.append(
                f"{number},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},0.9,-1,-1,-1\n"
            )
    (folder / "det.txt").write_text("".join(lines))
    return path


def boxes_at(number):
    left = np.array([10 + 2 * number, 130 - 2 * number], dtype=np.float64)
    top = np.array([10.0, 60.0])
    return np.column_stack([left, top, left + 20, top + 50])


class Interruption:
    """Lets the update of a given number end the run."""

    def __init__(self, monkeypatch):
        self.updates, self.at = 0, None
        update = DeepSort.update

        def counted(tracker, *given, **named):
            self.updates += 1
            if self.updates == self.at:
                signal.raise_signal(signal.SIGTERM)
            return update(tracker, *given, **named)

        monkeypatch.setattr(DeepSort, "update", counted)


@pytest.fixture
def interruption(monkeypatch):
    return Interruption(monkeypatch)


def outputs(folder):
    """Content of the files that must be equal after a continued run."""
    names = [path for path in folder.iterdir() if path.suffix in (".txt", ".csv", ".jsonl")]
    content = {path.name: path.read_bytes() for path in names}
    if (folder / "detections.npz").exists():
        with np.load(folder / "detections.npz") as stored:
            content |= {name: stored[name].tobytes() for name in stored.files}
    return content


def options_of(video, out, *words):
    detections = ["--detections", str(video.parent / "det.txt")]
    if "background" in words:
        detections = []
    every = ["--checkpoint-every", "1e-9", "--quiet", "--out", str(out)]
    return ["track", str(video), *detections, *every, *words]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(synthetic_video.write_embedder(tmp_path_factory.mktemp("model") / "colour.onnx"))


MOTION = ["--embedder", "none", "--no-video"]
VARIANTS = {
    "plain": MOTION,
    "csv, from a later frame": [*MOTION, "--format", "csv", "--start", "4"],
    "jsonl, every third": [*MOTION, "--format", "jsonl", "--every", "3"],
    "explained": [*MOTION, "--explain"],
    "lag": ["--lag", "7", "--no-video"],
    "lag longer than the video": ["--lag", "100", "--no-video"],
    "lag, explained": ["--lag", "7", "--no-video", "--explain"],
    "embedded, saved": ["--save-detections", "--no-video"],
    "lag, saved": ["--save-detections", "--lag", "5", "--no-video"],
    "no camera motion": [*MOTION, "--camera-motion", "none"],
    "flow": [*MOTION, "--camera-motion", "flow"],
    "ecc": [*MOTION, "--camera-motion", "ecc"],
    "background": [*MOTION, "--detector", "background"],
    "background, lag": ["--no-video", "--detector", "background", "--lag", "6"],
}


@pytest.mark.parametrize("words", VARIANTS.values(), ids=VARIANTS.keys())
def test_rows_of_a_run_stopped_three_times_equal_those_of_one_that_never_stopped(
    words, long_video, model, tmp_path, interruption
):
    words = words if "--embedder" in words else [*words, "--embedder", model]
    assert main(options_of(long_video, tmp_path / "whole", *words)) == 0
    total, interruption.updates = interruption.updates, 0
    line = options_of(long_video, tmp_path / "out", *words, "--resume")
    for stop_after in (total // 5, total // 3, total // 4):
        interruption.updates, interruption.at = 0, stop_after
        assert main(line) == 143
        summary = synthetic_video.read_strict_json(tmp_path / "out" / "summary.json")
        assert summary["status"] == "interrupted"
        assert (tmp_path / "out" / CHECKPOINT).exists()
    interruption.updates, interruption.at = 0, None
    assert main(line) == 0
    assert interruption.updates < total / 2
    whole = outputs(tmp_path / "whole")
    assert max(map(len, whole.values())) > 300
    assert outputs(tmp_path / "out") == whole
    first, second = (
        synthetic_video.read_strict_json(tmp_path / name / "summary.json")
        for name in ("whole", "out")
    )
    for name in ("frames", "boxes", "identities", "first_frame_time", "last_frame_time", "status"):
        assert first[name] == second[name], name
    assert second["resumed"] == 3
    assert sorted(first["files"]) == sorted(second["files"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *second["files"],
        "summary.json",
    }


def test_lag_at_the_end_of_the_video_is_continued(long_video, tmp_path, monkeypatch):
    """A run that ends while the last frames are written repeats the last frame read, no more."""
    from deepsort_reid.cli.output_folder import OutputFolder

    words = ["--embedder", "none", "--no-video", "--lag", "10"]
    assert main(options_of(long_video, tmp_path / "whole", *words)) == 0
    add, added = OutputFolder.add, []

    def stopping(folder, frame, timer):
        if frame.number > FRAMES - 4 and not added:
            added.append(frame.number)
            raise KeyboardInterrupt
        return add(folder, frame, timer)

    monkeypatch.setattr(OutputFolder, "add", stopping)
    line = options_of(long_video, tmp_path / "out", *words)
    assert main(line) == 130
    assert main([*line, "--resume"]) == 0
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
def test_killed_process_is_continued(long_video, tmp_path):
    """kill -9 after some rows are on disk."""
    words = ["--embedder", "none", "--save-detections", "--explain"]
    assert main(options_of(long_video, tmp_path / "whole", *words)) == 0
    line = options_of(long_video, tmp_path / "out", *words)
    script = f"""
import os, signal
from deepsort_reid.cli.main import main
from deepsort_reid.tracking import DeepSort
update, count = DeepSort.update, [0]
def counted(*given, **named):
    count[0] += 1
    if count[0] == 31:
        os.kill(os.getpid(), signal.SIGKILL)
    return update(*given, **named)
DeepSort.update = counted
main({line})
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -signal.SIGKILL
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"tracks.txt", "detections.txt", ROWS, CHECKPOINT, "summary.json"} <= left
    summary = synthetic_video.read_strict_json(tmp_path / "out" / "summary.json")
    assert summary["status"] == "running"
    assert (tmp_path / "out" / "detections.txt").read_text().count("\n") > 40
    assert main([*line, "--resume"]) == 0
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names & {CHECKPOINT, FORCED_CHECKPOINT, ROWS, EMBEDDINGS, ".lock"} == set()
    assert "video-000031.mp4" in names
    assert synthetic_video.decode_video(tmp_path / "out" / "video-000031.mp4")[0] == FRAMES - 30


def test_complete_run_is_not_repeated(long_video, tmp_path, capsys):
    line = options_of(long_video, tmp_path / "out", "--embedder", "none", "--no-video")
    assert main(line) == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert main([*(word for word in line if word != "--quiet"), "--resume"]) == 0
    assert "is complete; nothing to resume" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_run_that_was_killed_just_before_its_end_is_complete(resume, long_video, tmp_path):
    """Its summary is written, but what is needed to continue it has not been removed yet."""
    words = ["--embedder", "none", "--no-video", "--save-detections"]
    line = options_of(long_video, tmp_path / "out", *words)
    assert main(line) == 0
    before = outputs(tmp_path / "out")
    for name in (ROWS, EMBEDDINGS, CHECKPOINT):
        (tmp_path / "out" / name).write_bytes(b"left")
    assert main([*line, *resume]) == 0
    assert outputs(tmp_path / "out") == before
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_resume_without_an_earlier_run_tracks_from_the_first_frame_on(long_video, tmp_path):
    words = ["--embedder", "none", "--no-video"]
    assert main(options_of(long_video, tmp_path / "out", *words, "--resume")) == 0
    assert main(options_of(long_video, tmp_path / "whole", *words)) == 0
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "csv"], "was written with format mot, got csv"),
        (["--lag", "3"], "was written with lag 0, got 3"),
        (["--start", "2"], "was written with start 1, got 2"),
        (["--camera-motion", "ecc"], "was written with camera-motion auto, got ecc"),
        (["--save-detections"], "was written with save-detections False, got True"),
    ],
)
def test_resume_with_other_options_is_refused_and_changes_nothing(
    words, message, long_video, tmp_path, interruption, capsys
):
    line = options_of(long_video, tmp_path / "out", "--embedder", "none", "--no-video")
    interruption.at = 20
    assert main(line) == 143
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    assert main([*line, *words, "--resume"]) == 2
    assert message in synthetic_video.read_error_line(capsys)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_damaged_checkpoint_is_one_line_with_its_name(long_video, tmp_path, interruption, capsys):
    line = options_of(long_video, tmp_path / "out", "--embedder", "none", "--no-video")
    interruption.at = 20
    assert main(line) == 143
    for name in (FORCED_CHECKPOINT, CHECKPOINT):
        path = tmp_path / "out" / name
        path.write_bytes(path.read_bytes()[:1000])
    capsys.readouterr()
    assert main([*line, "--resume"]) == 2
    assert f"{path}: expected a saved state" in synthetic_video.read_error_line(capsys)


class CallingExecutor(Executor):
    """Calls at once: no thread, so that a test with a clock of its own has one result."""

    def __init__(self, *arguments):
        pass

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future


@pytest.mark.parametrize("lag", ["0", "5"])
def test_run_stopped_while_its_files_are_completed_tracks_no_frame_again(
    lag, long_video, tmp_path, interruption, monkeypatch
):
    words = ["--embedder", "none", "--no-video", "--save-detections", "--lag", lag]
    assert main(options_of(long_video, tmp_path / "whole", *words)) == 0
    finish, stopped = DetectionWriter.finish, []

    def stopping(writer):
        if not stopped:
            stopped.append(writer)
            raise KeyboardInterrupt
        finish(writer)

    monkeypatch.setattr(DetectionWriter, "finish", stopping)
    line = options_of(long_video, tmp_path / "out", *words, "--checkpoint-every", "1000")
    assert main(line) == 130
    interruption.updates = 0
    assert main([*line, "--resume"]) == 0
    assert interruption.updates == 0
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


@pytest.mark.parametrize("power_failure", [True, False])
def test_run_goes_on_after_a_power_failure_and_after_a_restart(
    power_failure, long_video, tmp_path, interruption, monkeypatch
):
    from deepsort_reid.cli import checkpoint

    words = ["--embedder", "none", "--no-video"]
    assert main(options_of(long_video, tmp_path / "whole", *words)) == 0
    monkeypatch.setattr(checkpoint, "ThreadPoolExecutor", CallingExecutor)
    force, forced = checkpoint.Checkpoints._force, []

    def seldom(checkpoints, content):
        forced.append(content)
        if len(forced) % 10 == 1:
            force(checkpoints, content)

    monkeypatch.setattr(checkpoint.Checkpoints, "_force", seldom)
    line = options_of(long_video, tmp_path / "out", *words)
    interruption.updates, interruption.at = 0, 40
    assert main(line) == 143
    if power_failure:
        (tmp_path / "out" / CHECKPOINT).write_bytes(b"")
    else:
        monkeypatch.setattr(checkpoint, "boot_id", lambda: "another start of the system")
    interruption.updates, interruption.at = 0, None
    assert main([*line, "--resume"]) == 0
    assert interruption.updates == FRAMES - 31  # the checkpoint of frame 31 is on the disk
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_tracks_that_were_cut_are_reported(long_video, tmp_path, interruption, capsys):
    line = options_of(long_video, tmp_path / "out", "--embedder", "none", "--no-video")
    interruption.at = 20
    assert main(line) == 143
    (tmp_path / "out" / "tracks.txt").write_text("1,1\n")
    capsys.readouterr()
    assert main([*line, "--resume"]) == 2
    error = synthetic_video.read_error_line(capsys)
    assert "tracks.txt: expected at least" in error
    assert "got 4" in error


def test_checkpoints_come_at_the_interval(long_video, tmp_path, monkeypatch):
    from deepsort_reid.cli import checkpoint

    clock, written = [0.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(
        checkpoint, "state_bytes", lambda kind, state: written.append(state["last_frame"]) or b""
    )
    monkeypatch.setattr(checkpoint, "ThreadPoolExecutor", CallingExecutor)
    update = DeepSort.update

    def slow(*given, **named):
        clock[0] += 0.25
        return update(*given, **named)

    monkeypatch.setattr(DeepSort, "update", slow)
    line = options_of(long_video, tmp_path / "out", "--embedder", "none", "--no-video")
    assert main([*line, "--checkpoint-every", "1"]) == 0
    # Half a second: the other half is left for a slow frame and for writing. And after the last.
    assert [later - earlier for earlier, later in pairwise(written)] == [*[2] * 29, 1]
    written.clear()
    assert main([*line, "--checkpoint-every", "0"]) == 0
    assert not written


def test_run_killed_before_the_first_delayed_frame_goes_on(
    long_video, tmp_path, interruption, monkeypatch
):
    from deepsort_reid.cli import track_run

    words = ["--embedder", "none", "--no-video", "--lag", "50"]
    assert main(options_of(long_video, tmp_path / "whole", *words)) == 0
    line = options_of(long_video, tmp_path / "out", *words)
    monkeypatch.setattr(track_run, "_write_buffered", lambda run: None)  # as after kill -9
    interruption.updates, interruption.at = 0, 40
    assert main(line) == 143
    interruption.updates, interruption.at = 0, None
    assert main([*line, "--resume"]) == 0
    assert interruption.updates == FRAMES - 39
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_rows_are_forced_to_the_disk_before_the_checkpoint_that_counts_them(
    long_video, tmp_path, monkeypatch
):
    """After a power failure, what was forced to the disk is there, and anything may be missing."""
    from deepsort_reid.cli import checkpoint

    on_disk, fsync, write, checked = {}, os.fsync, checkpoint.write_atomically, []

    def recorded(descriptor):
        status = os.fstat(descriptor)
        on_disk[status.st_ino] = status.st_size
        fsync(descriptor)

    def checked_write(path, content, *, sync=True):
        if path.name == CHECKPOINT:
            assert not sync
            return write(path, content, sync=False)
        assert path.name == FORCED_CHECKPOINT
        copy.write_bytes(content)
        for name, length in read_state(copy, checkpoint.KIND)["folder"]["lengths"].items():
            assert on_disk.get((path.parent / name).stat().st_ino, -1) >= length, name
            checked.append(name)
        return write(path, content)

    monkeypatch.setattr(os, "fsync", recorded)
    monkeypatch.setattr(checkpoint, "write_atomically", checked_write)
    copy = tmp_path / "copy.npz"
    words = ["--embedder", "none", "--no-video", "--save-detections", "--explain"]
    assert main(options_of(long_video, tmp_path / "out", *words)) == 0
    assert {"tracks.txt", "explanations.txt", "detections.txt", ROWS} == set(checked)
    for path in (tmp_path / "out").iterdir():  # and at the end, all that is left
        assert on_disk[path.stat().st_ino] == path.stat().st_size, path.name


def test_checkpoint_that_cannot_be_written_ends_the_run_with_its_name(
    long_video, tmp_path, monkeypatch, capsys
):
    from deepsort_reid.cli import checkpoint

    def full(path, content, **arguments):
        raise OSError(f"cannot write {path} (No space left on device)")

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    assert main(options_of(long_video, tmp_path / "out", "--embedder", "none", "--no-video")) == 2
    assert f"{CHECKPOINT} (No space left on device)" in synthetic_video.read_error_line(capsys)
    summary = synthetic_video.read_strict_json(tmp_path / "out" / "summary.json")
    assert summary["status"] == "failed"


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf"])
def test_invalid_interval_is_one_line(seconds, long_video, tmp_path, capsys):
    assert main(options_of(long_video, tmp_path / "out", f"--checkpoint-every={seconds}")) == 2
    assert "--checkpoint-every: expected 0 sec" in synthetic_video.read_error_line(capsys)
    assert not (tmp_path / "out").exists()
