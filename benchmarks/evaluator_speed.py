"""Measure time and memory of the evaluation beside TrackEval, on the same files in one run.

    python -m benchmarks.evaluator_speed            100 people x 2,000 frames, about 200,000 boxes

Each evaluator runs in a separate process, in turns; each reads both files and computes HOTA, CLEAR
and identity scores. The table has the best of several rounds. The exit status is 1 when any score
differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.lib import cli_options, provenance, single_core
from benchmarks.lib.process_memory import peak_megabytes
from deepsort_reid import metrics
from deepsort_reid.io.mot import read_ground_truth, read_results, write_rows
from deepsort_reid.structures.mot_rows import MotRows

EVALUATORS = ("deepsort_reid", "trackeval")

WIDTH, HEIGHT = 1920.0, 1080.0
RECALL = 0.92  # fraction of the persons that are tracked in a frame
NEW_ID_RATE = 0.002  # probability of a new id, per person and frame
SWAP_RATE = 0.05  # probability that two persons swap their ids, per frame
FALSE_BOXES = 5  # per frame


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("evaluator_speed", __doc__)
    cli_options.add_number(parser, "--people", 100, "persons per frame")
    cli_options.add_number(parser, "--frames", 2000, "number of frames")
    cli_options.add_number(parser, "--seed", 0, "random seed")
    cli_options.add_number(parser, "--rounds", 5, "runs of each evaluator")
    parser.add_argument("--only", choices=EVALUATORS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Print the table; the exit status is 1 when the scores of the evaluators differ."""
    args = make_parser().parse_args(argv)
    if args.only:  # a separate process of one evaluator
        run = run_deepsort_reid if args.only == "deepsort_reid" else run_trackeval
        print(json.dumps(run(args.folder, args.frames) | {"megabytes": peak_megabytes()}))
        return 0
    status = single_core.rerun_single_threaded("benchmarks.evaluator_speed", argv)
    if status is not None:
        return status
    provenance.require("trackeval")
    print(provenance.environment_line("deepsort_reid", "trackeval", "numpy", "scipy"))
    print(f"{single_core.pin_to_core()}, {single_core.clock()[0]}, best of {args.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        boxes = write_scene(Path(folder), args.people, args.frames, args.seed)
        shape = f"{args.people} people x {args.frames} frames, seed {args.seed}"
        print(f"{shape}: {boxes[0]} truth boxes, {boxes[1]} predicted\n")
        results: dict[str, list[dict[str, float]]] = {name: [] for name in EVALUATORS}
        for _ in range(args.rounds):
            for name in EVALUATORS:
                results[name].append(run_in_process(name, Path(folder), args.frames))
    return show(results)


def write_scene(folder: Path, people: int, frames: int, seed: int) -> tuple[int, int]:
    """Write ground truth and a tracking result with errors; return their numbers of boxes.

    Persons walk straight on and turn round at the border of the image.
    """
    rng = np.random.default_rng(seed)
    size = rng.uniform(40, 80, people)[:, None] * [1.0, 2.5]
    limit = [WIDTH, HEIGHT] - size
    start, speed = rng.uniform(0, 1, (people, 2)) * limit, rng.normal(0, 2, (people, 2))
    # A walk that turns at both ends is a straight walk, folded.
    unfolded = start + speed * np.arange(frames)[:, None, None]  # (frames, people, 2)
    position = np.abs((unfolded + limit) % (2 * limit) - limit)
    frame = np.repeat(np.arange(1, frames + 1), people)
    truth = MotRows(
        frame,
        np.tile(np.arange(people), frames),
        _boxes(position, size),
        class_id=np.ones(len(frame)),
    )
    tracked = rng.random(len(frame)) < RECALL
    tracked_position = position + rng.normal(0, 3, position.shape)
    tracked_size = size * rng.normal(1, 0.05, (frames, people, 1))
    false = rng.uniform(0, 1, (frames, FALSE_BOXES, 2)) * [WIDTH - 60, HEIGHT - 150]
    predicted = MotRows.concatenate(
        [
            MotRows(
                frame[tracked],
                _tracked_ids(rng, people, frames)[tracked],
                _boxes(tracked_position, tracked_size)[tracked],
            ),
            MotRows(
                np.repeat(np.arange(1, frames + 1), FALSE_BOXES),
                # A false box keeps its id for 20 frames.
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


def _tracked_ids(rng: np.random.Generator, people: int, frames: int) -> np.ndarray:
    """Return the track id of each person in each frame, (frames * people,)."""
    label = np.arange(people)
    ids = np.empty((frames, people), dtype=np.int64)
    for frame in range(frames):
        for person in np.flatnonzero(rng.random(people) < NEW_ID_RATE):
            label[person] = label.max() + 1
        if people > 1 and rng.random() < SWAP_RATE:
            pair = rng.choice(people, 2, replace=False)
            label[pair] = label[pair[::-1]]
        ids[frame] = label
    return ids.ravel()


def run_in_process(name: str, folder: Path, frames: int) -> dict[str, float]:
    """Run one evaluator in a separate process and return its times, memory and scores."""
    arguments = ["--only", name, "--folder", str(folder), "--frames", str(frames)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.evaluator_speed", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_deepsort_reid(folder: Path, frames: int) -> dict[str, float]:
    """Evaluate with this package; return seconds to read and to score, and the scores."""
    clock = single_core.clock()[1]
    begin = clock()
    truth = read_ground_truth(folder / "gt" / "crowd" / "gt" / "gt.txt")
    predicted = read_results(folder / "trackers" / "made" / "data" / "crowd.txt")
    middle = clock()
    scores = metrics.evaluate(truth, predicted, protocol="plain", frames=frames)
    end = clock()
    numbers = {column.name: column.value(scores) for column in metrics.COLUMNS}
    return {"read": middle - begin, "score": end - middle, **numbers}


def run_trackeval(folder: Path, frames: int) -> dict[str, float]:
    """Evaluate with TrackEval: its reader, overlaps, preprocessing and three metrics."""
    import trackeval

    clock = single_core.clock()[1]
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


def show(results: dict[str, list[dict[str, float]]]) -> int:
    """Print the best of each, the ratios, and whether the scores agree."""
    keys = ("read", "score", "megabytes")
    rows = [[min(each[key] for each in results[name]) for name in EVALUATORS] for key in keys]
    rows.insert(2, [min(r["read"] + r["score"] for r in results[name]) for name in EVALUATORS])
    labels = ["read the files, s", "score, s", "both, s", "peak memory, MB"]
    print(f"{'':20}{EVALUATORS[0]:>15}{EVALUATORS[1]:>12}{'ratio':>9}")
    for label, (here, there) in zip(labels, rows, strict=True):
        print(f"{label:20}{here:15.3f}{there:12.3f}{there / here:9.1f}")
    first, second = results["deepsort_reid"][0], results["trackeval"][0]
    names = [column.name for column in metrics.COLUMNS if column.name in second]
    different = [name for name in names if abs(first[name] - second[name]) > 1e-9]
    if different:
        print(f"\nBoth differ in {', '.join(different)}")
        return 1
    print(f"\nBoth agree to 1e-9 in {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
