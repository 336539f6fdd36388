"""Archives of short videos, with the results of `track` for each of them."""

import csv
import os
import shutil
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

from deepsort_reid.cli.main import main
from deepsort_reid.scale.archive.tables import files_of
from tests.cli import synthetic_video

COLUMNS = ("frame", "time", "id", "left", "top", "right", "bottom", "score", "class_id")
BROKEN = "door/broken.mp4"


def write_archive(root, *, sequences, videos, frames=12):
    """Write MOT sequences and video files of different lengths, and a file that is no video."""
    for number in range(sequences):
        folder = root / ("door" if number % 2 else "hall") / f"sequence-{number:02d}"
        synthetic_video.write_sequence(folder, frames + number, images=True)
    (root / "door").mkdir(parents=True, exist_ok=True)
    for number in range(videos):
        synthetic_video.write_video(root / "door" / f"street {number}.avi", frames + number)
    (root / BROKEN).write_bytes(b"not a video" * 100)
    return root


def names_of(root):
    """Names of the videos of `write_archive` that can be tracked."""
    folders = [path.parent for path in root.rglob("seqinfo.ini")]
    files = list(root.rglob("*.avi"))
    return sorted(path.relative_to(root).as_posix() for path in [*folders, *files])


def tracked_alone(root, name, out, *options):
    """Rows of tracks.csv of one video, by `track`."""
    command = ["track", str(root / name), "--out", str(out), "--no-video", "--format", "csv"]
    assert main([*command, "--quiet", *options]) == 0
    with (out / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = [tuple(row[column] for column in COLUMNS) for row in csv.DictReader(file)]
    shutil.rmtree(out)
    return rows


def tracked_in_archive(out, name):
    """Rows of the table of one video, as `track` writes them."""
    rows = pq.read_table(files_of(out, name).tracks, partitioning=None).to_pylist()
    assert all(row["video"] == name for row in rows)
    return [
        (
            *(str(row["frame"]), f"{row['time']:.3f}", str(row["id"])),
            *(f"{row[side]:.2f}" for side in ("left", "top", "right", "bottom")),
            *(f"{row['score']:.4f}", str(row["class_id"])),
        )
        for row in rows
    ]


def read_rows(out, table):
    """Rows of people.parquet or videos.parquet."""
    return pq.read_table(out / f"{table}.parquet").to_pylist()


def contents(out):
    """Bytes of all tables of an archive, by path."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.parquet")}


@contextmanager
def killer(out, name, times=1):
    """Kill the worker of a video in the middle of it, with each of its first attempts.

    Yields the list of the killed processes, which is filled meanwhile.
    """
    files = files_of(out, name)
    killed = []
    done = threading.Event()

    def kill():
        while len(killed) < times and not done.wait(0.002):
            mark = Path(f"{files.attempts}.{len(killed) + 1}")
            try:
                process = int(mark.read_text().split()[1])
                os.kill(process, signal.SIGSTOP)
            except (OSError, IndexError):
                continue  # not begun
            assert not files.tracklets.exists()
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


def timed(function, *arguments):
    """Result of a call, and its seconds."""
    start = time.perf_counter()
    return function(*arguments), time.perf_counter() - start
