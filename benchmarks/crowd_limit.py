"""Measure time and memory of the tracker on 3,000 detections per frame, beside an older revision.

    git worktree add ../before 71023de
    python -m benchmarks.crowd_limit --before ../before

3,000 people stand in one image of 1920x1080 pixels, and every one is detected in every frame. In
the first frame all tracks begin, in the third all get their ids. Each revision runs in a separate
process, in turns; the table has the best of several rounds. Memory is the peak of the whole
process, with Python, NumPy and the detections. The exit status is 1 when a detection has no track,
or when the revisions assign different ids.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib import cli_options, provenance, single_core

WIDTH, HEIGHT, EMBEDDING_DIM = 1920, 1080, 128
HERE = Path(__file__).resolve().parents[1]
MEASURES = ("first frame, ms", "second frame, ms", "median, ms", "slowest, ms", "peak memory, MB")


def write_crowd(path: Path, people: int, frames: int, seed: int, *, embedded: bool) -> None:
    """Write boxes (frames, people, 4) and embeddings, (0,) without, of standing people."""
    rng = np.random.default_rng(seed)
    center, height = rng.uniform(0, [WIDTH, HEIGHT], (people, 2)), rng.uniform(40, 150, people)
    half = np.column_stack([0.2 * height, 0.5 * height])
    boxes = np.concatenate([center - half, center + half], axis=1)
    xyxy = boxes + rng.normal(0, 1.5, (frames, people, 4))
    embedding = np.empty(0, dtype=np.float32)
    if embedded:
        identity = rng.standard_normal((people, EMBEDDING_DIM))
        embedding = identity + 0.5 * rng.standard_normal((frames, people, EMBEDDING_DIM))
        embedding /= np.linalg.norm(embedding, axis=2, keepdims=True)
    np.savez(path, xyxy=xyxy, embedding=embedding.astype(np.float32))


def run_in_process(tree: Path, crowd: Path) -> dict[str, Any]:
    """Track the crowd with the package in the folder `tree`, in a separate process.

    Raises ValueError when there is no package.
    """
    if not (tree / "deepsort_reid" / "__init__.py").is_file():
        raise ValueError(f"--before: expected a checkout with deepsort_reid/, got {tree}")
    script = HERE / "benchmarks" / "lib" / "crowd_limit_run.py"
    done = subprocess.run(
        [sys.executable, str(script), str(crowd)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tree)},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measures(rounds: list[dict[str, Any]]) -> list[float]:
    """Return the values of `MEASURES`: the lowest of all rounds for each frame, and of memory."""
    ms = np.min([each["ms"] for each in rounds], axis=0)
    megabytes = min(each["megabytes"] for each in rounds)
    return [*ms[:2], float(np.median(ms)), ms.max(), megabytes]


def report(title: str, results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the lines of one table."""
    names, values = list(results), [measures(rounds) for rounds in results.values()]
    lines = [f"\n{title}", f"{'':20}" + "".join(f"{name:>14}" for name in names)]
    if len(names) > 1:
        lines[-1] += f"{'ratio':>9}"
    for measure, row in zip(MEASURES, zip(*values, strict=True), strict=True):
        lines.append(f"{measure:20}" + "".join(f"{value:14.1f}" for value in row))
        if len(row) > 1:
            lines[-1] += f"{row[0] / row[1]:9.1f}"
    tracked = [len(ids) for ids in results[names[-1]][0]["ids"]]
    lines.append(f"detections with an id in each frame: {', '.join(map(str, tracked))}")
    return lines


def errors(results: dict[str, list[dict[str, Any]]], people: int) -> list[str]:
    """Return what is wrong with the tracks: detections without a track, different ids."""
    wrong = []
    first, *others = (rounds[0]["ids"] for rounds in results.values())
    if any(first != other for other in others):
        wrong.append("the revisions assign different ids")
    for name, rounds in results.items():
        if any(len(ids) != people for ids in rounds[0]["ids"][2:]):
            wrong.append(f"{name}: detections without a track")
    return wrong


def main(argv: list[str] | None = None) -> int:
    """Print the tables; the exit status is 1 when tracks are wrong."""
    parser = cli_options.make_parser("crowd_limit", __doc__)
    cli_options.add_number(parser, "--people", 3000, "detections per frame")
    cli_options.add_number(parser, "--frames", 6, "number of frames")
    cli_options.add_number(parser, "--rounds", 3, "runs of each revision")
    cli_options.add_number(parser, "--seed", 0, "random seed")
    parser.add_argument(
        "--before",
        type=Path,
        metavar="DIR",
        help="checkout of an older revision to measure as well (default: none)",
    )
    args = parser.parse_args(argv)
    status = single_core.rerun_single_threaded("benchmarks.crowd_limit", argv)
    if status is not None:
        return status
    print(provenance.environment_line("numpy", "scipy", "lap"))
    shape = f"{args.people} people x {args.frames} frames, seed {args.seed}"
    print(f"{single_core.pin_to_core()}, processor time; {shape}; best of {args.rounds} rounds")
    trees = {"before": args.before} if args.before else {}
    trees["this revision"] = HERE
    wrong = []
    for embedded in (False, True):
        results: dict[str, list[dict[str, Any]]] = {name: [] for name in trees}
        with tempfile.TemporaryDirectory() as folder:
            crowd = Path(folder) / "crowd.npz"
            write_crowd(crowd, args.people, args.frames, args.seed, embedded=embedded)
            for _ in range(args.rounds):
                for name, tree in trees.items():
                    results[name].append(run_in_process(tree, crowd))
        title = f"with embeddings of length {EMBEDDING_DIM}" if embedded else "without embeddings"
        print("\n".join(report(title, results)), flush=True)
        wrong += [f"{title}: {error}" for error in errors(results, args.people)]
    print("\n".join(["", *wrong]) if wrong else "\nall detections have tracks")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
