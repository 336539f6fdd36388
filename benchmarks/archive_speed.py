"""Compare `archive` with one worker, with several, and on Ray, on rendered streets.

    python -m benchmarks.archive_speed
    python -m benchmarks.archive_speed --videos 4 --frames 100 --turns 1 --no-ray

Background subtraction and the shipped embedder, one thread for each worker. The ways take turns;
every run starts in a new process and includes its start, and that of Ray. The tables must be
equal, byte for byte.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.lib import cli_options, provenance
from deepsort_reid.io.video_writer import VideoWriter
from deepsort_reid.scene import Street

PEOPLE = 8


def write_videos(folder: Path, count: int, frames: int) -> None:
    """Write rendered streets with different people, as video files."""
    folder.mkdir()
    for seed in range(count):
        street = Street(seed=seed, frames=frames, people=PEOPLE)
        images = (image for _, image, _ in street)
        first = next(images)
        size = (first.shape[1], first.shape[0])
        with VideoWriter(folder / f"street-{seed:02d}.mp4", street.frame_rate, size) as video:
            video.write(first)
            for image in images:
                video.write(image)


def seconds_of(videos: Path, out: Path, options: Sequence[str]) -> float:
    """Seconds of a run of `archive`; RuntimeError with what it printed when it fails."""
    command = ["archive", str(videos), "--out", str(out), "--quiet", "--threads", "1", *options]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "deepsort_reid", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - start


def tables_of(out: Path) -> dict[str, bytes]:
    """Contents of all tables of an archive, by path."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.parquet")}


def report(turns: Sequence[dict[str, float]], frames: int) -> list[str]:
    """A line for each way: medians of the turns, and speed-up over the first way."""
    first = next(iter(turns[0]))
    lines = [f"{'':18} frames per s    wall s   speed-up"]
    for name in turns[0]:
        wall = median(turn[name] for turn in turns)
        ratios = [turn[first] / turn[name] for turn in turns]
        lines.append(
            f"{name:18} {frames / wall:12.1f} {wall:9.1f} {median(ratios):10.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("archive_speed", __doc__)
    cli_options.add_number(parser, "--videos", 12, "number of videos")
    cli_options.add_number(parser, "--frames", 150, "frames of a video")
    cli_options.add_number(parser, "--workers", 2, "workers that are compared with one")
    cli_options.add_number(parser, "--turns", 3, "runs of each way")
    parser.add_argument(
        "--no-ray", action="store_true", help="run in local processes alone (default: on Ray, too)"
    )
    args = parser.parse_args(argv)
    print(provenance.environment_line("numpy", "opencv-python", "onnxruntime", "pyarrow", "ray"))
    many = ["--workers", str(args.workers)]
    ways = {"1 worker": ["--workers", "1"], f"{args.workers} workers": many}
    if not args.no_ray:
        ways[f"Ray, {args.workers} workers"] = [*many, "--address", "local"]
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder) / "videos"
        write_videos(videos, args.videos, args.frames)
        turns, tables = [], []
        for turn in range(args.turns):
            seconds = {}
            for number, (name, options) in enumerate(ways.items()):
                out = Path(folder) / f"out-{turn}-{number}"
                seconds[name] = seconds_of(videos, out, options)
                tables.append(tables_of(out))
            turns.append(seconds)
            walls = ", ".join(f"{name} {wall:.1f} s" for name, wall in seconds.items())
            print(f"turn {len(turns)}: {walls}", flush=True)
        if any(each != tables[0] for each in tables):
            raise RuntimeError("the tables of two ways differ")
    print(f"{args.videos} videos of {args.frames} frames; all {len(tables)} runs: equal tables")
    print("\n".join(report(turns, args.videos * args.frames)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
