"""Reference scores from TrackEval 1.3.0, and random scenes to compare on."""

from pathlib import Path
from typing import Any

import numpy as np
import trackeval
from trackeval.datasets._base_dataset import _BaseDataset

from deepsort_reid import metrics
from deepsort_reid.io.mot import read_ground_truth, read_results, write_rows
from deepsort_reid.metrics.report import tables
from deepsort_reid.structures.mot_rows import MotRows

QUIET = {"PRINT_CONFIG": False}


def trackeval_data(truth: MotRows, predicted: MotRows, frames: int) -> dict[str, Any]:
    """The input of the metrics of TrackEval, with every box scored."""
    data: dict[str, Any] = {"num_timesteps": frames, "similarity_scores": []}
    for side, rows in (("gt", truth), ("tracker", predicted)):
        ids, number = np.unique(rows.id, return_inverse=True)
        data[f"{side}_ids"] = [number[rows.frame == t + 1] for t in range(frames)]
        data[f"num_{side}_dets"], data[f"num_{side}_ids"] = len(rows), len(ids)
    for t in range(frames):
        a, b = (rows.xyxy[rows.frame == t + 1] for rows in (truth, predicted))
        data["similarity_scores"].append(
            _BaseDataset._calculate_box_ious(a, b, box_format="x0y0x1y1")
        )
    return data


def trackeval_scores(data: dict[str, Any]) -> dict[str, Any]:
    """Every field of TrackEval's HOTA, CLEAR, Identity and Count for one sequence."""
    merged: dict[str, Any] = {}
    for metric in trackeval_metrics():
        merged |= metric.eval_sequence(data)
    return merged


def trackeval_metrics() -> list[Any]:
    return [
        trackeval.metrics.HOTA(),
        trackeval.metrics.CLEAR(dict(QUIET)),
        trackeval.metrics.Identity(dict(QUIET)),
        trackeval.metrics.Count(),
    ]


def trackeval_combined(sequences: dict[str, dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for metric in trackeval_metrics():
        merged |= metric.combine_sequences(sequences)
    return merged


def our_scores(scores: metrics.Scores) -> dict[str, Any]:
    """All scores of this package under the names of TrackEval."""
    return tables.single_numbers(scores) | tables.per_threshold(scores)


def assert_equal_in_every_field(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    missing = set(theirs) - set(ours)
    assert not missing, f"fields of TrackEval that are missing here: {sorted(missing)}"
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-9, err_msg=name)


def random_scene(seed: int) -> tuple[MotRows, MotRows, int]:
    """A small random scene, possibly crowded, with ties, empty frames or fragmented tracks."""
    rng = np.random.default_rng(seed)
    frames = int(rng.choice([1, 2, 5, 12, 30]))
    persons = int(rng.integers(0, 13))
    extent = float(rng.choice([30.0, 80.0, 300.0]))
    grid = float(rng.choice([0.0, 0.0, 5.0, 10.0]))  # multiples of the step make exact ties
    noise = float(rng.choice([0.0, 1.0, 4.0]))
    position = rng.uniform(0, extent, (persons, 2))
    velocity = rng.normal(0, rng.choice([0.0, 1.0, 3.0]), (persons, 2))
    size = rng.uniform(15, 40, (persons, 2))
    frames_without_truth = rng.random(frames) < rng.choice([0.0, 0.0, 0.3])
    frames_without_predictions = rng.random(frames) < rng.choice([0.0, 0.0, 0.3])
    recall = 0.0 if rng.random() < 0.05 else float(rng.choice([0.5, 0.8, 1.0]))
    id_swap_rate = float(rng.choice([0.0, 0.05, 0.3]))
    clutter = float(rng.choice([0.0, 0.5, 3.0]))
    truth: list[list[float]] = []
    predicted: list[list[float]] = []
    label = np.arange(persons)
    for frame in range(1, frames + 1):
        present = (rng.random(persons) < 0.9) & ~frames_without_truth[frame - 1]
        if persons > 1 and rng.random() < id_swap_rate:
            a, b = rng.choice(persons, 2, replace=False)
            label[[a, b]] = label[[b, a]]
        if persons and rng.random() < id_swap_rate:
            label[rng.integers(persons)] = label.max() + 1
        corner = position + velocity * frame
        for i in rng.permutation(np.flatnonzero(present)):
            truth.append([frame, 7 * i + 3, *_box(corner[i], size[i], grid)])
        if frames_without_predictions[frame - 1]:
            continue
        for i in rng.permutation(np.flatnonzero(present & (rng.random(persons) < recall))):
            moved = corner[i] + rng.normal(0, noise, 2) if noise else corner[i]
            predicted.append([frame, label[i] + 1, *_box(moved, size[i], grid)])
        for extra in range(rng.poisson(clutter) if recall else 0):
            corner_extra, size_extra = rng.uniform(0, extent, 2), rng.uniform(15, 40, 2)
            predicted.append([frame, 10_000 + extra, *_box(corner_extra, size_extra, grid)])
    return _rows(truth), _rows(predicted), frames


def _box(corner: np.ndarray, size: np.ndarray, grid: float) -> list[float]:
    if grid:
        corner, size = np.round(corner / grid) * grid, np.maximum(1, np.round(size / grid)) * grid
    return [*corner, *(corner + size)]


def _rows(table: list[list[float]]) -> MotRows:
    array = np.array(table, dtype=np.float64).reshape(-1, 6)
    return MotRows(frame=array[:, 0], id=array[:, 1], xyxy=array[:, 2:])


def trackeval_from_files(
    folder: Path, name: str, frames: int, benchmark: str, *, rules: bool = True
) -> dict[str, Any]:
    """The scores of TrackEval for gt/NAME/gt/gt.txt and trackers/ours/data/NAME.txt in a folder."""
    dataset = trackeval.datasets.MotChallenge2DBox(
        QUIET
        | {
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "BENCHMARK": benchmark,
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {name: frames},
            "DO_PREPROC": rules,
        }
    )
    raw = dataset.get_raw_seq_data("ours", name)
    return trackeval_scores(dataset.get_preprocessed_seq_data(raw, "pedestrian"))


def trackeval_from_root(root: Path, split: str, tracker: str, *, rules: bool) -> dict[str, Any]:
    """The scores of TrackEval for its own folders: by sequence of the seqmap, and all together.

    Everything is found by TrackEval: seqmap, lengths in seqinfo.ini, ground truth and results.
    """
    benchmark, _, rest = split.partition("-")
    dataset = trackeval.datasets.MotChallenge2DBox(
        QUIET
        | {
            "GT_FOLDER": str(root / "gt" / "mot_challenge"),
            "TRACKERS_FOLDER": str(root / "trackers" / "mot_challenge"),
            "BENCHMARK": benchmark,
            "SPLIT_TO_EVAL": rest,
            "TRACKERS_TO_EVAL": [tracker],
            "DO_PREPROC": rules,
        }
    )
    found = {}
    for name in dataset.seq_list:
        raw = dataset.get_raw_seq_data(tracker, name)
        found[name] = trackeval_scores(dataset.get_preprocessed_seq_data(raw, "pedestrian"))
    return found | {"COMBINED": trackeval_combined(found)}


def write_both(
    folder: Path, name: str, truth: MotRows, predicted: MotRows
) -> tuple[MotRows, MotRows]:
    """Write both sides to the paths that `trackeval_from_files` reads, and read them back."""
    truth_file = folder / "gt" / name / "gt" / "gt.txt"
    predicted_file = folder / "trackers" / "ours" / "data" / f"{name}.txt"
    truth_file.parent.mkdir(parents=True)
    predicted_file.parent.mkdir(parents=True, exist_ok=True)
    write_rows(truth_file, truth, "gt")
    write_rows(predicted_file, predicted, "result")
    return read_ground_truth(truth_file), read_results(predicted_file)
