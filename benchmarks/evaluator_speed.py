"""How fast and how small the evaluation is, beside TrackEval, on the same files in one run.

    python -m benchmarks.evaluator_speed            100 people x 2,000 frames, some 200,000 boxes

Each evaluator runs in a process of its own, taking turns; each reads both files and counts HOTA,
CLEAR and identity. The best of some rounds is shown, and that all published numbers agree.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.lib import one_core, provenance
from deepsort_reid import metrics
from deepsort_reid.io.mot import read_ground_truth, read_results, write_rows
from deepsort_reid.structures.mot_rows import MotRows

EVALUATORS = ("deepsort_reid", "trackeval")

WIDTH, HEIGHT = 1920.0, 1080.0
SEEN = 0.92  # share of the people that the tracker has in a frame
BREAKS = 0.002  # chance of a new id, per person and frame
EXCHANGES = 0.05  # chance that two people exchange their ids, per frame
FALSE_BOXES = 5  # per frame


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 when the two evaluators do not agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=EVALUATORS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.only:
        run = ours if args.only == "deepsort_reid" else theirs
        print(json.dumps(run(args.folder, args.frames) | {"megabytes": peak_megabytes()}))
        return 0
    status = one_core.restarted("benchmarks.evaluator_speed", argv)
    if status is not None:
        return status
    provenance.require("trackeval")
    print(provenance.line("deepsort_reid", "trackeval", "numpy", "scipy"))
    print(f"{one_core.pin()}, {one_core.clock()[0]}, best of {args.rounds} rounds")
    with tempfile.TemporaryDirectory() as place:
        boxes = write_scene(Path(place), args.people, args.frames, args.seed)
        shape = f"{args.people} people x {args.frames} frames, seed {args.seed}"
        print(f"{shape}: {boxes[0]} truth boxes, {boxes[1]} predicted\n")
        results: dict[str, list[dict[str, float]]] = {name: [] for name in EVALUATORS}
        for _ in range(args.rounds):
            for name in EVALUATORS:
                results[name].append(in_own_process(name, Path(place), args.frames))
    return show(results)


def write_scene(folder: Path, people: int, frames: int, seed: int) -> tuple[int, int]:
    """People who walk straight on and turn at the border, and a tracker that errs; as files."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(40, 80, people)[:, None] * [1.0, 2.5]
    room = [WIDTH, HEIGHT] - size
    start, speed = rng.uniform(0, 1, (people, 2)) * room, rng.normal(0, 2, (people, 2))
    # A walk with turns at both ends is a straight walk, folded.
    way = start + speed * np.arange(frames)[:, None, None]  # (frames, people, 2)
    place = np.abs((way + room) % (2 * room) - room)
    frame = np.repeat(np.arange(1, frames + 1), people)
    truth = MotRows(
        frame, np.tile(np.arange(people), frames), _boxes(place, size), class_id=np.ones(len(frame))
    )
    seen = rng.random(len(frame)) < SEEN
    moved = place + rng.normal(0, 3, place.shape)
    taller = size * rng.normal(1, 0.05, (frames, people, 1))
    false = rng.uniform(0, 1, (frames, FALSE_BOXES, 2)) * [WIDTH - 60, HEIGHT - 150]
    predicted = MotRows.concatenate(
        [
            MotRows(frame[seen], _ids(rng, people, frames)[seen], _boxes(moved, taller)[seen]),
            MotRows(
                np.repeat(np.arange(1, frames + 1), FALSE_BOXES),
                # Each stays for twenty frames under one id.
                10**6 + np.repeat(np.arange(frames) // 20, FALSE_BOXES) * FALSE_BOXES
                + np.tile(np.arange(FALSE_BOXES), frames),
                _boxes(false, np.array([60.0, 150.0])),
            ),
        ]
    )  # fmt: skip
    (folder / "gt" / "crowd" / "gt").mkdir(parents=True)
    (folder / "trackers" / "made" / "data").mkdir(parents=True)
    write_rows(folder / "gt" / "crowd" / "gt" / "gt.txt", truth, "gt")
    write_rows(folder / "trackers" / "made" / "data" / "crowd.txt", predicted, "result")
    return len(truth), len(predicted)


def _boxes(corner: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.concatenate([corner, corner + size * np.ones_like(corner)], axis=-1).reshape(-1, 4)


def _ids(rng: np.random.Generator, people: int, frames: int) -> np.ndarray:
    """The id that the tracker gives each person in each frame (frames * people,)."""
    label = np.arange(people)
    ids = np.empty((frames, people), dtype=np.int64)
    for frame in range(frames):
        for who in np.flatnonzero(rng.random(people) < BREAKS):
            label[who] = label.max() + 1
        if people > 1 and rng.random() < EXCHANGES:
            pair = rng.choice(people, 2, replace=False)
            label[pair] = label[pair[::-1]]
        ids[frame] = label
    return ids.ravel()


def in_own_process(name: str, folder: Path, frames: int) -> dict[str, float]:
    """What the evaluator says of itself, run alone."""
    arguments = ["--only", name, "--folder", str(folder), "--frames", str(frames)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.evaluator_speed", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def ours(folder: Path, frames: int) -> dict[str, float]:
    """Read, score, and the published numbers."""
    clock = one_core.clock()[1]
    begin = clock()
    truth = read_ground_truth(folder / "gt" / "crowd" / "gt" / "gt.txt")
    predicted = read_results(folder / "trackers" / "made" / "data" / "crowd.txt")
    middle = clock()
    scores = metrics.evaluate(truth, predicted, protocol="plain", frames=frames)
    end = clock()
    numbers = {column.name: column.value(scores) for column in metrics.COLUMNS}
    return {"read": middle - begin, "score": end - middle, **numbers}


def theirs(folder: Path, frames: int) -> dict[str, float]:
    """The same with TrackEval: its own reader, overlaps, preparation and three metrics."""
    import trackeval

    clock = one_core.clock()[1]
    quiet = {"PRINT_CONFIG": False}
    dataset = trackeval.datasets.MotChallenge2DBox(
        quiet
        | {
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "BENCHMARK": "MOT15",  # every box is scored
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {"crowd": frames},
        }
    )
    reading = [0.0]
    dataset._load_raw_file = _timed(dataset._load_raw_file, clock, reading)
    begin = clock()
    data = dataset.get_preprocessed_seq_data(
        dataset.get_raw_seq_data("made", "crowd"), "pedestrian"
    )
    hota = trackeval.metrics.HOTA().eval_sequence(data)
    clear = trackeval.metrics.CLEAR(dict(quiet)).eval_sequence(data)
    identity = trackeval.metrics.Identity(dict(quiet)).eval_sequence(data)
    end = clock()
    numbers = {name: float(hota[name].mean()) for name in ("HOTA", "DetA", "AssA", "LocA")}
    numbers |= {name: float(clear[name]) for name in ("MOTA", "MOTP", "IDSW", "Frag", "MT", "ML")}
    numbers |= {"FP": float(clear["CLR_FP"]), "FN": float(clear["CLR_FN"])}
    numbers |= {name: float(identity[name]) for name in ("IDF1", "IDP", "IDR")}
    return {"read": reading[0], "score": end - begin - reading[0], **numbers}


def _timed(
    call: Callable[..., object], clock: Callable[[], float], total: list[float]
) -> Callable[..., object]:
    def timed(*args: object, **options: object) -> object:
        begin = clock()
        result = call(*args, **options)
        total[0] += clock() - begin
        return result

    return timed


def peak_megabytes() -> float:
    """Largest resident memory of this process so far; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def show(results: dict[str, list[dict[str, float]]]) -> int:
    """Print the best of each, the ratios and whether the numbers agree."""
    rows = [[min(each[key] for each in results[name]) for name in EVALUATORS] for key in _ROWS]
    rows.insert(2, [min(r["read"] + r["score"] for r in results[name]) for name in EVALUATORS])
    labels = ["read the files, s", "count, s", "both, s", "peak memory, MB"]
    print(f"{'':20}{EVALUATORS[0]:>15}{EVALUATORS[1]:>12}{'ratio':>9}")
    for label, (here, there) in zip(labels, rows, strict=True):
        print(f"{label:20}{here:15.3f}{there:12.3f}{there / here:9.1f}")
    mine, other = results["deepsort_reid"][0], results["trackeval"][0]
    names = [column.name for column in metrics.COLUMNS if column.name in other]
    wrong = [name for name in names if abs(mine[name] - other[name]) > 1e-9]
    told = f"differ in {', '.join(wrong)}" if wrong else f"agree to 1e-9 in {', '.join(names)}"
    print(f"\nBoth {told}")
    return 1 if wrong else 0


_ROWS = ("read", "score", "megabytes")


if __name__ == "__main__":
    sys.exit(main())
