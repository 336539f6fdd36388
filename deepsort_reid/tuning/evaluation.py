"""Scores of a tracker with given settings on a labelled sequence."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics import ScoringRules, compare_under_rules
from deepsort_reid.metrics.analysis.block_counts import block_counts, statistics
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort
from deepsort_reid.tracking.from_dict import tracker_parts
from deepsort_reid.tuning.search_space import Settings, as_config

Array = NDArray[np.float64]

BLOCK_LENGTH = 50  # frames that are drawn together by the bootstrap
METRICS = {
    "mean": ("HOTA", "IDF1"),
    "hota": ("HOTA",),
    "idf1": ("IDF1",),
    "mota": ("MOTA",),
}


class LabelledSequence(NamedTuple):
    """A sequence with ground truth.

    Attributes:
        name: of the sequence.
        detections: of each frame, frame 1 first, with embeddings where there are any.
        truth: ground truth.
        rules: how it is scored.
    """

    name: str
    detections: Sequence[Detections]
    truth: MotRows
    rules: ScoringRules


def score(sequence: LabelledSequence, settings: Settings) -> Array:
    """Block counts (B, WIDTH) of a tracker with these settings; see `metrics.block_counts`."""
    tracker = DeepSort(**tracker_parts(as_config(settings))._asdict())
    frames, ids, boxes = [], [], []
    for number, detections in enumerate(sequence.detections, start=1):
        tracks = tracker.update(detections)
        frames.append(np.full(len(tracks), number))
        ids.append(tracks.id)
        boxes.append(tracks.xyxy)
    predicted = MotRows(
        frame=np.concatenate(frames), id=np.concatenate(ids), xyxy=np.concatenate(boxes)
    )
    comparison = compare_under_rules(
        sequence.truth,
        predicted,
        sequence.rules,
        frames=len(sequence.detections),
        name=sequence.name,
    )
    return block_counts(comparison, BLOCK_LENGTH)


def value(counts: Array, metric: str) -> float:
    """The metric, a key of METRICS, of summed counts (WIDTH,): a fraction, higher is better."""
    found = statistics(counts)
    return float(np.mean([found[name] for name in METRICS[metric]]))
