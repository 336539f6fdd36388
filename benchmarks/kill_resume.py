"""Kill `track` with SIGKILL at random moments, continue it with --resume, and compare the rows.

python -m benchmarks.kill_resume 100
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.lib import cli_options, provenance
from benchmarks.lib.crowd import simulate
from deepsort_reid.cli.checkpoint import KIND
from deepsort_reid.cli.run_files import CHECKPOINT
from deepsort_reid.io.detections_npz import write_detections_npz
from deepsort_reid.io.state_file import read_state
from deepsort_reid.io.video_writer import VideoWriter

FRAMES, PEOPLE, MEAN_STAY = 1500, 15, 300
COMPARED = ("tracks.txt", "detections.txt", "explanations.txt", "detections.npz")


@dataclass
class Counts:
    """What was seen of all kills."""

    runs: int = 0  # runs that reached the end of the video
    equal: int = 0  # of these, runs with the same files as the uninterrupted one
    kills: int = 0
    with_work: list[float] = field(default_factory=list)  # seconds of work lost, where there is any
    frames_lost: list[int] = field(default_factory=list)


def write_inputs(folder: Path, frames: int, seed: int) -> tuple[Path, Path]:
    """A small video, and detections with embeddings of a simulated crowd."""
    video, detections = folder / "video.avi", folder / "detections.npz"
    with VideoWriter(video, 25, (64, 48)) as writer:
        for number in range(frames):
            writer.write(np.full((48, 64, 3), number % 256, dtype=np.uint8))
    crowd = islice(simulate(PEOPLE, seed, mean_stay=MEAN_STAY), frames)
    found = enumerate((each.detections for each in crowd), start=1)
    write_detections_npz(detections, found)
    return video, detections


def command_line(video: Path, detections: Path, out: Path, lag: int) -> list[str]:
    """`track` with all files that can be compared."""
    options = ["--save-detections", "--no-video", "--quiet"]
    options += ["--explain", "--lag", str(lag)]
    words = ["track", video, "--detections", detections, "--embedder", "none", "--out", out]
    return [sys.executable, "-m", "deepsort_reid", *map(str, words), *options]


def contents(folder: Path) -> dict[str, bytes]:
    """The compared files; of the .npz the arrays, because the file holds times of day."""
    found = {
        path.name: path.read_bytes() for path in map(folder.joinpath, COMPARED[:3]) if path.exists()
    }
    with np.load(folder / COMPARED[3]) as stored:
        found.update({name: stored[name].tobytes() for name in stored.files})
    return found


def kill_after(line: list[str], seconds: float) -> float | None:
    """Run a command and kill it after some seconds.

    Returns the time of the kill, None when the command ended before, with success.
    """
    process = subprocess.Popen(line)
    try:
        status = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        killed = time.time()  # on a busy machine, the next line takes long
        process.wait()
        return killed
    if status:
        raise RuntimeError(f"{' '.join(line)} ended with status {status}")
    return None


def count_loss(out: Path, started: float, killed: float, counts: Counts) -> None:
    """Add the work of a killed process after its last checkpoint."""
    checkpoint, tracks = out / CHECKPOINT, out / "tracks.txt"
    # The first checkpoint is written with the first frame of a process.
    if not checkpoint.exists() or checkpoint.stat().st_mtime < started:
        return
    state = read_state(checkpoint, KIND)
    counts.with_work.append(killed - state["saved_at"])
    lines = tracks.read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    pending = len(state["pending"])
    last = int(whole[-1].split(b",")[0]) if whole else 0
    counts.frames_lost.append(max(last - (state["last_frame"] - pending), 0))


def run_until_complete(
    line: list[str], out: Path, longest: float, kills: int, rng: np.random.Generator, counts: Counts
) -> None:
    """Kill and continue one run until it is complete, or until `kills` have happened in all."""
    while counts.kills < kills:
        started = time.time()
        killed = kill_after([*line, "--resume"], rng.uniform(0, longest))
        if killed is None:
            break
        counts.kills += 1
        count_loss(out, started, killed, counts)
    else:
        subprocess.run([*line, "--resume"], check=True)
    counts.runs += 1


def report(counts: Counts) -> None:
    print(f"{counts.kills} kills, {len(counts.with_work)} of them after the first new frame")
    print(f"{counts.runs} runs completed, {counts.equal} with the rows of an uninterrupted run")
    if counts.with_work:
        seconds, frames = max(counts.with_work), max(counts.frames_lost)
        print(f"work after the last checkpoint: at most {seconds:.2f} s, {frames} frames")


def main(argv: Sequence[str] | None = None) -> int:
    parser = cli_options.make_parser("kill_resume", __doc__)
    parser.add_argument(
        "kills", type=int, nargs="?", default=100, metavar="KILLS", help="kills (default: 100)"
    )
    cli_options.add_number(parser, "--frames", FRAMES, "length of the video")
    cli_options.add_number(parser, "--lag", 0, "delay of the output in frames")
    cli_options.add_number(parser, "--seed", 0, "random seed of the crowd and the moments")
    args = parser.parse_args(argv)
    print(provenance.environment_line("numpy", "scipy", "lap"))
    rng, counts = np.random.default_rng(args.seed), Counts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, detections = write_inputs(folder, args.frames, args.seed)
        start = time.perf_counter()
        subprocess.run(command_line(video, detections, folder / "whole", args.lag), check=True)
        seconds = time.perf_counter() - start
        print(f"uninterrupted run of {args.frames} frames: {seconds:.1f} s", flush=True)
        expected = contents(folder / "whole")
        while counts.kills < args.kills:
            out = folder / f"run-{counts.runs}"
            line = command_line(video, detections, out, args.lag)
            run_until_complete(line, out, seconds, args.kills, rng, counts)
            counts.equal += contents(out) == expected
    report(counts)
    return 0 if counts.equal == counts.runs else 1


if __name__ == "__main__":
    sys.exit(main())
