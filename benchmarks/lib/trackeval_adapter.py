"""TrackEval without files: the referee who checks our own scores."""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.lib.scoring import Figures
from deepsort_reid.structures.mot_rows import MotRows

Counts = dict[str, dict[str, Any]]  # metric -> TrackEval's own results of one sequence


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
    """TrackEval's MOTChallenge rules without its folders."""
    from trackeval.datasets import MotChallenge2DBox

    rules = MotChallenge2DBox.__new__(MotChallenge2DBox)
    rules.do_preproc = True
    rules.benchmark = {"plain": "MOT15", "mot16": "MOT17"}[protocol]
    names = "pedestrian person_on_vehicle car bicycle motorbike non_mot_vehicle static_person "
    names += "distractor occluder occluder_on_ground occluder_full reflection crowd"
    rules.class_name_to_class_id = {name: k + 1 for k, name in enumerate(names.split())}
    rules.valid_class_numbers = list(rules.class_name_to_class_id.values())
    return rules


def count(truth: MotRows, predicted: MotRows, length: int, protocol: str) -> Counts:
    """TrackEval's HOTA, CLEAR and Identity of one sequence of `length` frames."""
    rules = _dataset(protocol)
    raw: dict[str, Any] = {"num_timesteps": length, "seq": "sequence"}
    raw["gt_ids"], raw["gt_dets"], raw["gt_classes"], flags = _per_frame(truth, length)
    raw["gt_extras"] = [{"zero_marked": flag.astype(int)} for flag in flags]
    ids, boxes, classes, scores = _per_frame(predicted, length)
    raw["tracker_ids"], raw["tracker_dets"], raw["tracker_confidences"] = ids, boxes, scores
    raw["tracker_classes"] = [np.ones_like(row) for row in classes]
    raw["similarity_scores"] = [
        rules._calculate_box_ious(a, b, box_format="x0y0x1y1")
        for a, b in zip(raw["gt_dets"], boxes, strict=True)
    ]
    data = rules.get_preprocessed_seq_data(raw, "pedestrian")
    return {name: metric.eval_sequence(data) for name, metric in _metrics().items()}


def combine(counts: dict[str, Counts]) -> Counts:
    """All sequences as one, by adding counts."""
    return {
        name: metric.combine_sequences({key: each[name] for key, each in counts.items()})
        for name, metric in _metrics().items()
    }


def figures(counts: Counts) -> Figures:
    """The figures of the table."""
    hota, clear, identity = counts["HOTA"], counts["CLEAR"], counts["Identity"]
    return Figures(
        hota=100 * float(np.mean(hota["HOTA"])),
        deta=100 * float(np.mean(hota["DetA"])),
        assa=100 * float(np.mean(hota["AssA"])),
        mota=100 * float(clear["MOTA"]),
        idf1=100 * float(identity["IDF1"]),
        switches=int(clear["IDSW"]),
    )


def _per_frame(rows: MotRows, length: int) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Ids, boxes, classes and scores, a list over frames each."""
    order = np.argsort(rows.frame, kind="stable")
    cuts = np.searchsorted(rows.frame[order], np.arange(1, length + 2))
    here = [order[a:b] for a, b in pairwise(cuts)]
    return (
        [rows.id[k] for k in here],
        [rows.xyxy[k] for k in here],
        [rows.class_id[k] for k in here],
        [rows.score[k] for k in here],
    )
