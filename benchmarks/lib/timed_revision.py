"""Time the default tracker of two revisions of this repository on the same frames, in turns.

Each revision runs in a process of its own, which is this file as a script: it uses nothing but
`DeepSort` and `Detections`, whose arguments are the same in all revisions.
"""

import os
import pickle
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
# Boxes (M, 4), scores (M,) and embeddings (M, D) of a frame: the arguments of `Detections`.
FrameArrays = tuple[Any, Any, Any]


class UpdateTimes(NamedTuple):
    """Seconds of processor time of one update."""

    whole: float  # `Detections(...)` and `update`
    update: float  # `update` alone
    persons: float  # the part of `update` that assigns persons; 0 in revisions without it


class TimedRevision:
    """The default tracker of the package in a folder, in a process of its own.

    Args:
        folder: checkout of the repository.
    """

    def __init__(self, folder: Path) -> None:
        self.times: list[UpdateTimes] = []
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def track(self, frames: list[FrameArrays]) -> None:
        """Track the next frames; the other process of the core waits meanwhile."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump(frames, self._process.stdin)
        self._process.stdin.flush()
        self.times += [UpdateTimes(*times) for times in pickle.load(self._process.stdout)]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def checkout(revision: str) -> Any:
    """The folder `revision`, or a temporary checkout of that revision of this repository.

    Raises ValueError when it is neither.
    """
    if Path(revision).is_dir():
        yield Path(revision).resolve()
        return
    git = ["git", "-C", str(ROOT)]
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "checkout"
        made = subprocess.run(
            [*git, "worktree", "add", "--detach", str(folder), revision],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            message = made.stderr.strip().splitlines()[-1]
            raise ValueError(f"expected a folder or a git revision, got {revision!r}: {message}")
        try:
            yield folder
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(folder)], check=True)


def compare(frames: list[FrameArrays], other: Path, turn: int) -> list[list[UpdateTimes]]:
    """Times of this revision and of the one in the folder `other`, in turns of `turn` frames."""
    trackers = [TimedRevision(ROOT), TimedRevision(other)]
    try:
        for start in range(0, len(frames), turn):
            for tracker in trackers:
                tracker.track(frames[start : start + turn])
    finally:
        for tracker in trackers:
            tracker.close()
    return [tracker.times for tracker in trackers]


def comparison_lines(times: list[list[UpdateTimes]], names: list[str]) -> list[str]:
    """Lines with the median milliseconds of each revision, and with the ratio to the last one."""
    medians = [1000 * np.median(np.array(each), axis=0) for each in times]
    lines = [f"{'':24} whole call   update  persons    ratio"]
    for name, (whole, update, persons) in zip(names, medians, strict=True):
        ratio = whole / medians[-1][0]
        lines.append(f"{name:24} {whole:10.3f} {update:8.3f} {persons:8.3f} {ratio:8.2f}")
    return lines


def _serve() -> None:
    """Track the frames from standard input; write times to standard output."""
    from deepsort_reid import DeepSort, Detections

    results, sys.stdout = sys.stdout.buffer, sys.stderr
    now, tracker = time.thread_time, DeepSort()
    spent = [0.0]
    assigner: Any = getattr(tracker, "persons", None)
    if assigner is not None:
        assign = assigner.update

        def timed_assign(*arguments: Any) -> None:
            start = now()
            assign(*arguments)
            spent[0] = now() - start

        assigner.update = timed_assign
    while True:
        try:
            frames = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        times = []
        for xyxy, score, embedding in frames:
            start = now()
            detections = Detections(xyxy, score, embedding=embedding)
            made = now()
            tracker.update(detections)
            end = now()
            times.append((end - start, end - made, spent[0]))
        pickle.dump(times, results)
        results.flush()


if __name__ == "__main__":
    _serve()
