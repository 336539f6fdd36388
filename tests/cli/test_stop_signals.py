"""SIGTERM and SIGHUP, closed streams, full disks, a locked folder and files of earlier runs."""

import os
import signal
import subprocess
import sys
import time

import pytest

from deepsort_reid.cli import track as command
from deepsort_reid.cli.main import main
from deepsort_reid.cli.run_files import CHECKPOINT
from deepsort_reid.cli.stop_signals import stop_signals_as_interrupt
from deepsort_reid.io.mot import read_results
from tests.cli import synthetic_video

fcntl = pytest.importorskip("fcntl", reason="signals, locks and limits are those of POSIX")

FRAMES = synthetic_video.FRAMES


def command_line(video, detections, out, *options):
    words = ["track", video, "--detections", detections, "--embedder", "none", "--out", out]
    return [sys.executable, "-m", "deepsort_reid", *map(str, words), *options]


def read_summary(out):
    return synthetic_video.read_strict_json(out / "summary.json")


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_stop_signals_end_the_run_with_everything_saved(name, status, monkeypatch, video, out):
    class RaisesSignal(synthetic_video.TrueBoxDetector):
        def __call__(self, image):
            if self.calls == 4:
                signal.raise_signal(getattr(signal, name))
            return super().__call__(image)

    monkeypatch.setattr(
        command, "make_detector", lambda args, note: (RaisesSignal(), "test detector")
    )
    options = ["--embedder", "none", "--out", str(out), "--quiet", "--save-detections"]
    assert main(["track", str(video), *options]) == status
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 4
    assert (out / "detections.txt").read_text().count("\n") == 8
    assert read_summary(out)["status"] == "interrupted"
    assert signal.getsignal(getattr(signal, name)) in (signal.SIG_DFL, signal.default_int_handler)


def test_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals_as_interrupt():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_child_process_ends_by_the_signal():
    with stop_signals_as_interrupt():
        child = os.fork()
        if not child:
            time.sleep(30)
            os._exit(0)
        time.sleep(0.2)
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM


@pytest.mark.parametrize("streams", [">&-", "2>&-", "0<&- >&- 2>&-", "| true", ">/dev/full"])
def test_closed_streams_end_nothing(streams, video, detections, out):
    line = command_line(video, detections, out)
    quoted = " ".join(f"'{word}'" for word in line)
    script = f"set -o pipefail; PYTHONUNBUFFERED=1 {quoted} {streams}"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert read_summary(out)["status"] == "complete"
    assert len(read_results(out / "tracks.txt")) == read_summary(out)["boxes"] == 12
    assert synthetic_video.decode_video(out / "video.mp4")[0] == FRAMES


LIMITED = """
import resource, sys
from deepsort_reid.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


def test_full_disk_names_the_file_and_leaves_whole_lines(video, detections, out):
    """A limit on the size of files stands for a full disk."""
    words = command_line(video, detections, out, "--no-video", "--quiet")[3:]
    options = [*words, "--checkpoint-every", "0"]
    # The running summary has some 800 bytes, so that the tracks are the first to reach the limit.
    line = [sys.executable, "-c", LIMITED, "1150", *options, "--format", "jsonl"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == f"deepsort-reid track: {out / 'tracks.jsonl'}: File too large\n"
    text = (out / "tracks.jsonl").read_text()
    assert text.endswith("}\n")
    assert 0 < text.count("\n") < FRAMES
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


@pytest.fixture
def held(out):
    """The folder, locked by another process."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from deepsort_reid.io.folder_lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1])); print('locked', flush=True); time.sleep(60)"
    )
    out.mkdir()
    words = [sys.executable, "-c", script, str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_second_process_says_who_writes_to_the_folder(held, run_track, out, capsys):
    assert run_track("--quiet") == 2
    error = synthetic_video.read_error_line(capsys)
    assert f"{out}: expected a folder that no other process writes to; process {held.pid}" in error
    assert [path.name for path in out.iterdir()] == [".lock"]


def test_lock_is_gone_with_a_killed_process(held, run_track, out):
    held.kill()
    held.wait()
    assert run_track("--quiet") == 0
    assert not (out / ".lock").exists()


def test_lock_is_released_after_an_error(replace_detector, run_track, video, out):
    replace_detector(fails_at=4, failure=ValueError("the network is gone"))
    assert main(["track", str(video), "--embedder", "none", "--out", str(out), "--quiet"]) == 2
    assert not (out / ".lock").exists()
    with (out / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_files_of_an_earlier_run_in_another_format_are_removed(run_track, out):
    assert run_track("--quiet", "--save-detections", "--explain") == 0
    (out / "notes.md").write_text("mine")
    (out / "tracks.csv.bak").write_text("mine")
    assert run_track("--quiet", "--format", "csv", "--no-video") == 0
    names = {path.name for path in out.iterdir()}
    files = {"index.html", "people.csv", "tracks.csv"}
    assert names == {*files, "summary.json", "notes.md", "tracks.csv.bak"}
    assert set(read_summary(out)["files"]) == files


@pytest.mark.parametrize("name", ["tracks.txt", "video.mp4", "index.html", "summary.json"])
def test_file_that_no_run_wrote_is_not_replaced(name, run_track, out, capsys):
    out.mkdir()
    (out / name).write_text("mine")
    assert run_track("--quiet") == 2
    assert f"{out / name}: expected a file of an earlier run" in synthetic_video.read_error_line(
        capsys
    )
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text() == "mine"


def test_link_in_the_place_of_an_output_is_not_followed(run_track, out, tmp_path):
    assert run_track("--quiet", "--no-video") == 0
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (out / "tracks.txt").unlink()
    (out / "tracks.txt").symlink_to(victim)
    assert run_track("--quiet", "--no-video") == 0
    assert victim.read_text() == "mine"
    assert not (out / "tracks.txt").is_symlink()


def test_names_in_a_summary_are_removed_only_where_they_are_outputs(run_track, out, tmp_path):
    out.mkdir()
    mine = [tmp_path / "mine.txt", out / "photo.jpg"]
    for path in mine:
        path.write_text("mine")
    (out / "summary.json").write_text('{"files": ["../mine.txt", "photo.jpg", "tracks.csv", 3]}')
    (out / "tracks.csv").write_text("old")
    assert run_track("--quiet", "--no-video") == 0
    assert [path.read_text() for path in mine] == ["mine", "mine"]
    assert not (out / "tracks.csv").exists()


def test_leftovers_of_a_killed_process_are_removed(run_track, out):
    assert run_track("--quiet", "--no-video") == 0
    for name in (".summary.json.4711", f".{CHECKPOINT}.4711"):
        (out / name).write_text("half")
    assert run_track("--quiet", "--no-video") == 0
    names = ["index.html", "people.csv", "summary.json", "tracks.txt"]
    assert sorted(path.name for path in out.iterdir()) == names


def test_explained_run_keeps_the_decisions_of_one_frame(run_track, monkeypatch):
    from deepsort_reid.tracking.extras.explain import DecisionLog

    kept, add = [], DecisionLog.add

    def counted(log, *given):
        add(log, *given)
        kept.append(len(log._frames))

    monkeypatch.setattr(DecisionLog, "add", counted)
    assert run_track("--quiet", "--no-video", "--explain") == 0
    assert kept == [1] * FRAMES
