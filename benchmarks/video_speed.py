"""Reading and writing of video with PyAV beside OpenCV and beside a pipe to the ffmpeg program.

    python -m benchmarks.video_speed
    python -m benchmarks.video_speed --frames 100 --turns 3

Each video is read by PyAV and by OpenCV, and its frames are written by the package and through a
pipe to ffmpeg, as H.264 with the same encoder and preset. The ways take turns. Printed are the
medians of the wall time and of the processor time of all threads and processes, per frame, their
ratios over the turns, whether both readers returned the same pixels, and the sizes of the files.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np

from benchmarks.lib import cli_options, inputs, provenance
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.io.video_writer import VideoWriter

VIDEOS = ("MOT16-09/video.mp4", "PETS09-S2L1/video.avi")


class Cost(NamedTuple):
    """Milliseconds per frame: until the end, and of all processors together."""

    wall: float
    processor: float


def read_with_pyav(path: Path) -> Iterator[Any]:
    """The frames of a video as the package reads them."""
    return iter(open_video(path))


def read_with_opencv(path: Path) -> Iterator[Any]:
    """The frames of a video from a `cv2.VideoCapture`."""
    capture = cv2.VideoCapture(str(path))
    while (answer := capture.read())[0]:
        yield answer[1]
    capture.release()


def write_with_package(path: Path, frames: Sequence[Any]) -> None:
    """Write frames at 25 per second with `VideoWriter`."""
    with VideoWriter(path, 25, frames[0].shape[1::-1]) as video:
        for frame in frames:
            video.write(frame)


def write_through_pipe(path: Path, frames: Sequence[Any], *, b_frames: bool) -> None:
    """Write frames at 25 per second through a pipe to the ffmpeg program.

    b_frames: with those of the preset; otherwise without, as the package writes.
    """
    height, width = frames[0].shape[:2]
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24"]
    command += ["-s", f"{width}x{height}", "-r", "25", "-i", "-"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    command += [] if b_frames else ["-bf", "0", "-g", "50"]
    command += ["-movflags", "+faststart", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for frame in frames:
            process.stdin.write(np.ascontiguousarray(frame).data)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: ended with status {process.returncode}")


def measure(action: Callable[[], object], frames: int) -> Cost:
    """Time an action, with the processor time of the processes that it starts and waits for."""
    before, start = os.times(), time.perf_counter()
    action()
    wall, after = time.perf_counter() - start, os.times()
    processor = sum(after[:4]) - sum(before[:4])
    return Cost(1000 * wall / frames, 1000 * processor / frames)


def compare(actions: dict[str, Callable[[], object]], frames: int, turns: int) -> None:
    """Run actions in turns, and print their costs and the ratios to the first one."""
    costs: dict[str, list[Cost]] = {name: [] for name in actions}
    for _ in range(turns):
        for name, action in actions.items():
            costs[name].append(measure(action, frames))
    reference = costs[next(iter(actions))]
    for name, each in costs.items():
        wall, processor = (median(column) for column in zip(*each, strict=True))
        ratios = [
            median(other[kind] / own[kind] for other, own in zip(each, reference, strict=True))
            for kind in (0, 1)
        ]
        print(
            f"  {name:<24} wall {wall:7.2f} ms (x {ratios[0]:.2f})   "
            f"processor {processor:7.2f} ms (x {ratios[1]:.2f})"
        )


def count_reading(frames: Iterator[Any], limit: int) -> int:
    """Read up to `limit` frames; returns their number."""
    return sum(1 for _ in islice(frames, limit))


def measure_video(path: Path, limit: int, turns: int, folder: Path) -> None:
    """Print the costs of reading a video, and of writing its frames."""
    frames = list(islice(read_with_pyav(path), limit))
    height, width = frames[0].shape[:2]
    pairs = zip(frames, read_with_opencv(path), strict=False)
    differing = sum(not np.array_equal(ours, theirs) for ours, theirs in pairs)
    print(f"{path.parent.name}: {len(frames)} frames of {width}x{height}")
    print(f" reading (frames with other pixels than OpenCV's: {differing})")
    compare(
        {
            "OpenCV": lambda: count_reading(read_with_opencv(path), limit),
            "PyAV": lambda: count_reading(read_with_pyav(path), limit),
        },
        len(frames),
        turns,
    )
    if shutil.which("ffmpeg") is None:
        print(" writing: needs the program ffmpeg, which is not installed")
        return
    files = {name: folder / f"{name}.mp4" for name in ("pipe", "pipe, no B-frames", "package")}
    print(" writing")
    compare(
        {
            "pipe": lambda: write_through_pipe(files["pipe"], frames, b_frames=True),
            "pipe, no B-frames": lambda: write_through_pipe(
                files["pipe, no B-frames"], frames, b_frames=False
            ),
            "package": lambda: write_with_package(files["package"], frames),
        },
        len(frames),
        turns,
    )
    sizes = ", ".join(f"{name} {file.stat().st_size / 1e6:.2f} MB" for name, file in files.items())
    print(f"  files: {sizes}")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 2 without the data."""
    parser = cli_options.make_parser("video_speed", __doc__ or "")
    cli_options.add_number(parser, "--frames", 200, "first frames of each video")
    cli_options.add_number(parser, "--turns", 5, "runs of each way")
    cli_options.add_data(parser)
    args = parser.parse_args(argv)
    try:
        data = inputs.data_root(args.data)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.environment_line("av", "opencv-python"))
    with tempfile.TemporaryDirectory() as folder:
        for name in VIDEOS:
            measure_video(data / "mot" / name, args.frames, args.turns, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
