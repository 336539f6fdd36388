"""Compare `cameras` with several streams with as many `track` processes started together.

    python -m benchmarks.cameras_speed
    python -m benchmarks.cameras_speed --frames 60 --turns 1 --video

The streams are successive parts of PETS09-S2L1, written to files of their own. `cameras` and the
processes take turns; "track, 1 thread" are the processes with `--threads 1`. Every run starts in a
new process and includes its start. The share of equal boxes is printed, too: few may differ, after
the registry of all cameras decided otherwise than that of one whether a new track takes over the id
of an ended one.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.lib import cli_options, inputs, provenance
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.io.video_writer import VideoWriter

SEQUENCE = "PETS09-S2L1"
ONE, MANY, SINGLE = "cameras", "track", "track, 1 thread"


class Cost(NamedTuple):
    """Time of a run: until the last process has ended, and of all processors together."""

    wall: float
    processor: float


def write_streams(source: Path, folder: Path, count: int, frames: int) -> list[Path]:
    """Write `count` successive parts of a video, of `frames` frames each."""
    video = open_video(source)
    paths = [folder / f"stream{number}.avi" for number in range(1, count + 1)]
    with closing(video.iter_timed_frames()) as timed:
        for path in paths:
            with VideoWriter(path, video.frame_rate, video.size) as writer:
                for each in islice(timed, frames):
                    writer.write(each.frame)
    return paths


def run_together(commands: Sequence[Sequence[str]]) -> Cost:
    """Start all commands, and wait for the last one.

    Raises RuntimeError with what a command printed when it fails.
    """
    before, start = os.times(), time.perf_counter()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "deepsort_reid", *command, "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    for process in processes:
        _, error = process.communicate()
        if process.returncode:
            raise RuntimeError(error)
    wall, after = time.perf_counter() - start, os.times()
    user, system = ("children_user", "children_system")
    used = [getattr(after, name) - getattr(before, name) for name in (user, system)]
    return Cost(wall, sum(used))


def commands_of(
    name: str, streams: Sequence[Path], out: Path, options: Sequence[str]
) -> list[list[str]]:
    """The commands of one way, which write the tracks of a stream into OUT/STREAM."""
    if name == ONE:
        return [["cameras", *map(str, streams), "--out", str(out), *options]]
    more = ["--threads", "1"] if name == SINGLE else []
    return [
        ["track", str(each), "--out", str(out / each.stem), *options, *more] for each in streams
    ]


def measure(
    streams: Sequence[Path], folder: Path, turns: int, options: Sequence[str]
) -> Iterator[tuple[dict[str, Cost], float]]:
    """Costs of each way, and share of equal boxes of `cameras` and `track`, turn by turn."""
    for _ in range(turns):
        costs, boxes = {}, {}
        for name in (ONE, MANY, SINGLE):
            out = folder / name
            only = [*options, "--no-wall"] if name == ONE else options
            costs[name] = run_together(commands_of(name, streams, out, only))
            boxes[name] = {
                (each, *row)
                for each in streams
                for row in read_boxes(out / each.stem / "tracks.txt")
            }
        yield costs, len(boxes[ONE] & boxes[MANY]) / len(boxes[ONE] | boxes[MANY])


def read_boxes(path: Path) -> list[tuple[str, ...]]:
    """The rows of a file of tracks without their ids."""
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(frame, *rest) for frame, _, *rest in rows]


def report(turns: Sequence[dict[str, Cost]], frames: int) -> list[str]:
    """A line for each way: medians of the turns, and the median ratio to `cameras` of a turn."""
    lines = ["                 frames per s   wall s   processor s   wall, x cameras"]
    for name in turns[0]:
        wall, processor = (median(turn[name][k] for turn in turns) for k in range(2))
        ratios = [turn[name].wall / turn[ONE].wall for turn in turns]
        lines.append(
            f"{name:16} {frames / wall:12.1f} {wall:8.1f} {processor:13.1f} {median(ratios):11.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("cameras_speed", __doc__)
    cli_options.add_number(parser, "--streams", 4, "number of streams")
    cli_options.add_number(parser, "--frames", 190, "frames of a stream")
    cli_options.add_number(parser, "--turns", 3, "runs of each way")
    parser.add_argument(
        "--video",
        action="store_true",
        help="write the annotated videos, but no wall (default: tracks alone)",
    )
    parser.add_argument(
        "--detector",
        default="models/yolox_nano_416.onnx",
        help="detector network in the data folder (default: %(default)s)",
    )
    cli_options.add_data(parser)
    args = parser.parse_args(argv)
    try:
        data = inputs.data_root(args.data)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    print(provenance.environment_line("numpy", "opencv-python", "onnxruntime"))
    options = ["--detector", str(data / args.detector), *([] if args.video else ["--no-video"])]
    with tempfile.TemporaryDirectory() as folder:
        source = data / "mot" / SEQUENCE
        streams = write_streams(source, Path(folder), args.streams, args.frames)
        turns = []
        for costs, equal in measure(streams, Path(folder), args.turns, options):
            turns.append(costs)
            walls = ", ".join(f"{name} {cost.wall:.1f} s" for name, cost in costs.items())
            print(f"turn {len(turns)}: {walls}, {equal:.2%} of boxes equal", flush=True)
    print(f"{args.streams} streams of {args.frames} frames, {args.detector}")
    print("\n".join(report(turns, args.streams * args.frames)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
