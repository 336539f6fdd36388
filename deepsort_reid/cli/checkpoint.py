"""Checkpoints of `track`: the state of a run, from which `--resume` continues it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from deepsort_reid.cli.diagnostics import Diagnostics
from deepsort_reid.cli.output_folder import OutputFolder
from deepsort_reid.cli.run_files import CHECKPOINT, FORCED_CHECKPOINT, read_summary
from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.live_reader import MAX_GAP_DT
from deepsort_reid.io.state_file import read_state, state_bytes
from deepsort_reid.io.video import Video
from deepsort_reid.pipeline import Pending, StageTimer, TrackedFrame, open_frames
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import TimedFrame
from deepsort_reid.tracking import DeepSort, FixedLag
from deepsort_reid.vision.detectors import BackgroundSubtraction

KIND = "a track run"


@dataclass
class Run:
    """Everything of a run that changes from frame to frame."""

    folder: OutputFolder
    tracker: DeepSort | FixedLag
    detector: Any
    camera_motion: Any
    timer: StageTimer
    diagnostics: Diagnostics
    pending: Pending
    last_frame: int = 0  # number of the last frame that the tracker has
    last_time: float = 0.0  # time of that frame in seconds
    saved_at: float = 0.0  # time of day of the checkpoint that is continued

    def notes(self, description: dict[str, Any]) -> list[str]:
        """What is probably wrong in the run with these settings, a line each."""
        return self.diagnostics.lines(description["config"]["new_track_score"])

    def state_dict(self) -> dict[str, Any]:
        """The state after a frame, as plain data."""
        parts = {"detector": self.detector, "camera_motion": self.camera_motion}
        counts = {k: v for k, v in vars(self.diagnostics).items() if isinstance(v, int | float)}
        return {
            "last_frame": self.last_frame,
            "last_time": self.last_time,
            "saved_at": time.time(),
            "tracker": self.tracker.state_dict(),
            "folder": self.folder.state_dict(),
            "timer": dict(self.timer.seconds),
            "diagnostics": counts,
            "pending": [_pending_frame(*each) for each in self.pending],
            # What has no state_dict keeps nothing from frame to frame, or sees the frames again.
            **{k: part.state_dict() for k, part in parts.items() if hasattr(part, "state_dict")},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`, except for the pending frames: see `read_again`."""
        self.last_frame, self.last_time = state["last_frame"], state["last_time"]
        self.saved_at = state["saved_at"]
        self.tracker.load_state_dict(state["tracker"])
        self.timer.seconds.update(state["timer"])
        for name, value in state["diagnostics"].items():
            setattr(self.diagnostics, name, value)
        for name in ("detector", "camera_motion"):
            if name in state:
                getattr(self, name).load_state_dict(state[name])
        self.folder.resume(state["folder"])

    def read_again(self, video: Video, state: dict[str, Any], start: int, every: int) -> None:
        """Read frames that were tracked before once more, where they are needed.

        Those whose tracks are not out yet are drawn later. The model of a background subtraction
        cannot be saved, so it is made again from all frames from `start` on. The frames of a camera
        are gone: black ones take their place, and a background subtraction starts anew.
        """
        if video.live is not None:
            black = np.zeros((*video.size[::-1], 3), dtype=np.uint8)
            for each in state["pending"]:
                timed = TimedFrame(each["number"], each["time"], black, every)
                self.pending.append((timed, _detections(each)))
            return
        detections = {each["number"]: _detections(each) for each in state["pending"]}
        is_background = isinstance(self.detector, BackgroundSubtraction)
        first = start if is_background else min(detections, default=self.last_frame + 1)
        if first > self.last_frame:
            return
        for timed in video.iter_timed_frames(first, self.last_frame, every):
            if is_background:
                self.detector(timed.frame)
            if timed.number in detections:
                self.pending.append((timed, detections[timed.number]))


class Checkpoints:
    """Writes the state of a run so often that a kill loses little work; a context manager.

    There are two files. The first is handed over to the operating system, which takes no time and
    survives a kill. A thread forces the second to the disk, as fast as the disk is, so that a
    power failure leaves a whole one that is not ahead of the rows.

    Args:
        run: the run.
        settings: what determines the results; `read_checkpoint` compares it.
        interval: seconds of work that a kill may lose; 0 for no checkpoints.
        lag: frames that are pending before the end of the video.
    """

    def __init__(self, run: Run, settings: dict[str, Any], interval: float, lag: int) -> None:
        self._run, self._settings = run, settings
        self._interval, self._lag = interval, lag
        self._last, self._duration = -float("inf"), 0.0  # begin and duration of the last one
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._forced: Future[None] | None = None

    def while_buffering(self) -> None:
        """Call it after every frame of which nothing is due yet; see `after`."""
        self._run.folder.begin()
        self._save_if_due()

    def after(self, frame: TrackedFrame) -> None:
        """Call it after every frame that is written; writes a checkpoint when it is due.

        Raises OSError that names the file when it, or the one before, cannot be written.
        """
        run = self._run
        run.last_frame, run.last_time = frame.number, frame.time
        # At the end of the video, the tracker no longer has the frames that are pending.
        if len(run.pending) >= self._lag:
            self._save_if_due()

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._thread.shutdown()
        if error is None and self._forced is not None:
            self._forced.result()

    def save(self) -> None:
        """Write a checkpoint now, after the last update; the files have yet to be completed."""
        if self._interval and self._last > -float("inf"):
            self._save()

    def _save_if_due(self) -> None:
        # The next one is to be complete after half of the interval: the other half is for the frame
        # that is tracked next, and for a busy machine.
        due = self._last + self._interval / 2 - self._duration
        if self._interval and time.monotonic() >= due:
            self._save()

    def _save(self) -> None:
        run = self._run
        if run.pending:
            run.last_frame, run.last_time = run.pending[-1][0].number, run.pending[-1][0].time
        self._last = time.monotonic()
        if run.folder.people is not None:
            run.folder.people.write_if_due()
        if run.folder.page is not None:
            run.folder.page.save_if_due()
        state = {"settings": self._settings, "boot": boot_id(), **run.state_dict()}
        content = state_bytes(KIND, state)
        write_atomically(run.folder.folder / CHECKPOINT, content, sync=False)
        self._duration = time.monotonic() - self._last
        if self._forced is not None:
            if not self._forced.done():
                return  # the disk is slow: a later checkpoint is forced to it
            self._forced.result()
        self._forced = self._thread.submit(self._force, content)

    def _force(self, content: bytes) -> None:
        # The rows first: after a power failure, a checkpoint must not be ahead of them.
        self._run.folder.sync()
        write_atomically(self._run.folder.folder / FORCED_CHECKPOINT, content)


@cache
def boot_id() -> str:
    """What tells this start of the system from others; "" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def read_checkpoint(
    folder: Path, settings: dict[str, Any], note: Callable[[str], None]
) -> dict[str, Any] | None:
    """The state of the run in the folder; None where there is none to continue.

    Raises ValueError when the settings of that run differ, or the file is not a checkpoint.
    """
    state = _read_either(folder)
    if state is None:
        if read_summary(folder):
            note(f"no checkpoint in {folder}: tracking from the first frame on")
        return None
    for name, value in settings.items():
        saved = state["settings"].get(name)
        if saved != value:
            raise ValueError(
                f"--resume: {folder} was written with {name} {saved}, got {value}; repeat the "
                "options of that run, or leave --resume out to start over"
            )
    return state


def _read_either(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint; after a power failure, the newest one that was forced to the disk."""
    found: list[dict[str, Any]] = []
    errors: list[ValueError] = []
    for path in (folder / CHECKPOINT, folder / FORCED_CHECKPOINT):
        try:
            if path.exists():
                found.append(read_state(path, KIND))
        except ValueError as error:
            errors.append(error)
    if errors and not found:
        raise errors[0]
    is_same_boot = bool(found) and found[0].get("boot") == boot_id() != ""
    return found[0 if is_same_boot else -1] if found else None


def is_complete(folder: Path) -> bool:
    """Whether the last run in the folder has reached the end of its video."""
    return bool(read_summary(folder).get("status") == "complete")


@contextmanager
def open_remaining_frames(
    video: Video, run: Run, start: int, stop: int | None, every: int
) -> Iterator[Iterator[TimedFrame]]:
    """The frames of a run from `start` on; none where the video, or the range, ends before it.

    Those of a camera are counted on from the last frame of the earlier process.
    """
    is_continued_camera = video.live is not None and run.saved_at > 0
    before = start - 1 if is_continued_camera else 0  # frames that this process does not read
    try:
        last = None if stop is None else stop - before
        video.iter_frames(start - before, last, every)
    except ValueError:  # the range was checked at the beginning of the run: nothing is left of it
        yield iter(())
        return
    with open_frames(video, start - before, last, every) as frames:
        yield _count_on(frames, run, before, video.frame_rate) if is_continued_camera else frames


def _count_on(
    frames: Iterator[TimedFrame], run: Run, before: int, frame_rate: float
) -> Iterator[TimedFrame]:
    """Frames of a camera with the numbers and times that follow those of the earlier process.

    The time step of the first one is the time between the processes, limited as that of an
    interruption.
    """
    shift: float | None = None
    for timed in frames:
        dt = timed.dt
        if shift is None:
            gap = max(time.time() - run.saved_at, 1 / frame_rate)
            shift, dt = run.last_time + gap - timed.time, min(gap * frame_rate, MAX_GAP_DT)
        yield TimedFrame(timed.number + before, timed.time + shift, timed.frame, max(dt, timed.dt))


def _pending_frame(timed: TimedFrame, detections: Detections) -> dict[str, Any]:
    return {
        "number": timed.number,
        "time": timed.time,
        "xyxy": detections.xyxy,
        "score": detections.score,
        "class_id": detections.class_id,
        "embedding": detections.embedding,
    }


def _detections(pending: dict[str, Any]) -> Detections:
    columns = (pending[name] for name in ("xyxy", "score", "class_id", "embedding"))
    return Detections(*columns)
