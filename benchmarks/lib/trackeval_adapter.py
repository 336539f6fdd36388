"""TrackEval on arrays instead of files, to check the scores of this package."""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.lib.scoring import ScoreRow
from deepsort_reid.structures.mot_rows import MotRows

Counts = dict[str, dict[str, Any]]  # metric -> TrackEval's results of one sequence


@cache
def _metrics() -> dict[str, Any]:
    import trackeval

    quiet = {"PRINT_CONFIG": False}
    return {
        "HOTA": trackeval.metrics.HOTA(),
        "CLEAR": trackeval.metrics.CLEAR(quiet),
        "Identity": trackeval.metrics.Identity(quiet),
    }


@cache
def _dataset(protocol: str) -> Any:
    """Return TrackEval's MOTChallenge preprocessing without its file handling."""
    from trackeval.datasets import MotChallenge2DBox

    dataset = MotChallenge2DBox.__new__(MotChallenge2DBox)
    dataset.do_preproc = True
    dataset.benchmark = {"plain": "MOT15", "mot16": "MOT17"}[protocol]
    names = "pedestrian person_on_vehicle car bicycle motorbike non_mot_vehicle static_person "
    names += "distractor occluder occluder_on_ground occluder_full reflection crowd"
    dataset.class_name_to_class_id = {name: k + 1 for k, name in enumerate(names.split())}
    dataset.valid_class_numbers = list(dataset.class_name_to_class_id.values())
    return dataset


def evaluate_sequence(truth: MotRows, predicted: MotRows, length: int, protocol: str) -> Counts:
    """Return TrackEval's HOTA, CLEAR and Identity results of one sequence.

    Args:
        truth: ground truth.
        predicted: tracking result.
        length: number of frames.
        protocol: "plain" (every box is scored) or "mot16" (MOT16/17 pedestrian protocol).
    """
    dataset = _dataset(protocol)
    raw: dict[str, Any] = {"num_timesteps": length, "seq": "sequence"}
    raw["gt_ids"], raw["gt_dets"], raw["gt_classes"], flags = _per_frame(truth, length)
    raw["gt_extras"] = [{"zero_marked": flag.astype(int)} for flag in flags]
    ids, boxes, classes, scores = _per_frame(predicted, length)
    raw["tracker_ids"], raw["tracker_dets"], raw["tracker_confidences"] = ids, boxes, scores
    raw["tracker_classes"] = [np.ones_like(row) for row in classes]
    raw["similarity_scores"] = [
        dataset._calculate_box_ious(a, b, box_format="x0y0x1y1")
        for a, b in zip(raw["gt_dets"], boxes, strict=True)
    ]
    data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
    return {name: metric.eval_sequence(data) for name, metric in _metrics().items()}


def combine(counts: dict[str, Counts]) -> Counts:
    """Combine the results of several sequences by adding counts."""
    return {
        name: metric.combine_sequences({key: each[name] for key, each in counts.items()})
        for name, metric in _metrics().items()
    }


def score_row(counts: Counts) -> ScoreRow:
    """Return the scores that the tables show."""
    hota, clear, identity = counts["HOTA"], counts["CLEAR"], counts["Identity"]
    return ScoreRow(
        hota=100 * float(np.mean(hota["HOTA"])),
        deta=100 * float(np.mean(hota["DetA"])),
        assa=100 * float(np.mean(hota["AssA"])),
        mota=100 * float(clear["MOTA"]),
        idf1=100 * float(identity["IDF1"]),
        switches=int(clear["IDSW"]),
    )


def _per_frame(rows: MotRows, length: int) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Return ids, boxes, classes and scores, each as a list over frames."""
    order = np.argsort(rows.frame, kind="stable")
    bounds = np.searchsorted(rows.frame[order], np.arange(1, length + 2))
    indices = [order[start:end] for start, end in pairwise(bounds)]
    return (
        [rows.id[k] for k in indices],
        [rows.xyxy[k] for k in indices],
        [rows.class_id[k] for k in indices],
        [rows.score[k] for k in indices],
    )
