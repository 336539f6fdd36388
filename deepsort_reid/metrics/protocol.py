"""Evaluation protocols: which ground-truth boxes and which predictions are scored.

MOT16, MOT17 and MOT20 annotate more than pedestrians. A prediction that matches a distractor
(person on a vehicle, static person, reflection) is removed before scoring, and so is every
ground-truth box that is not a pedestrian or has the consider flag 0. See A. Milan et al.: "MOT16: A
Benchmark for Multi-Object Tracking", 2016, and P. Dendorfer et al.: "MOT20: A Benchmark for
Multi-Object Tracking in Crowded Scenes", 2020.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.comparison import Comparison, compare_boxes
from deepsort_reid.metrics.matching import max_weight_matching
from deepsort_reid.metrics.overlaps import EPS
from deepsort_reid.structures.mot_rows import MotRows

PROTOCOLS = ("auto", "mot16", "mot20", "plain")

PEDESTRIAN = 1

# Person on vehicle (2), static person (7), distractor (8), reflection (12); in MOT20 also
# non-motorised vehicle (6).
DISTRACTORS = {"mot16": (2, 7, 8, 12), "mot20": (2, 6, 7, 8, 12)}

CLASSES = range(1, 14)
CROWD = 13  # annotated in MOT20 only

MIN_IOU = 0.5 - EPS  # of a prediction that matches a ground-truth box
MIN_COVERAGE = 0.5  # a prediction with a larger part of its area in an ignore region is removed


@dataclass(frozen=True, kw_only=True)
class ScoringRules:
    """Which boxes of the two sides are scored."""

    protocol: str = "auto"  # one of PROTOCOLS; "auto": `choose_protocol`
    # With "plain" only: the classes to score, None for all. Predictions without a class are scored.
    classes: tuple[int, ...] | None = None
    # With "plain" only: ground-truth boxes of these classes are ignore regions. They are not
    # scored, and unmatched predictions inside them are not false positives.
    ignore_classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(
                f"protocol: expected one of {', '.join(PROTOCOLS)}, got {self.protocol!r}"
            )
        both = set(self.classes or ()) & set(self.ignore_classes)
        if both:
            raise ValueError(f"classes {sorted(both)} cannot be both scored and ignored")
        if self.protocol.startswith("mot") and (self.classes or self.ignore_classes):
            raise ValueError(
                f"protocol {self.protocol} defines its own classes: classes and ignore_classes "
                "need the protocol plain"
            )

    def resolve_protocol(self, truth: MotRows, name: str = "") -> str:
        """The protocol to apply to a sequence: "mot16", "mot20" or "plain"."""
        if self.protocol != "auto":
            return self.protocol
        if self.classes or self.ignore_classes:
            return "plain"
        return choose_protocol(truth, name)


def choose_protocol(truth: MotRows, name: str = "") -> str:
    """Choose a protocol from the classes of the ground truth and the name of the sequence.

    "plain" unless all classes are MOTChallenge's (1 to 13) and at least one is not pedestrian.
    Then "mot20" if the name starts with MOT20 or class 13 (crowd) occurs, otherwise "mot16".
    """
    classes = np.unique(truth.class_id)
    if not np.isin(classes, CLASSES).all() or (classes == PEDESTRIAN).all():
        return "plain"
    return "mot20" if name.upper().startswith("MOT20") or CROWD in classes else "mot16"


def compare_under_rules(
    truth: MotRows,
    predicted: MotRows,
    rules: ScoringRules,
    *,
    frames: int | None = None,
    name: str = "",
) -> Comparison:
    """Find the overlapping pairs of the boxes that are scored under `rules`.

    Under every protocol, a ground-truth box with the consider flag (score) 0 is not scored.

    Args:
        truth: ground truth.
        predicted: predictions.
        rules: protocol and classes.
        frames: length of the sequence; by default the last frame that has a box.
        name: name of the sequence, for the choice of the protocol.

    Raises:
        ValueError: the cases of `compare_boxes`; classes that the protocol or the ground truth
            does not have; consider flags other than 0 and 1, that is, detection scores.
    """
    if rules.classes and len(truth) and (truth.class_id == -1).all():
        raise ValueError(
            f"classes {list(rules.classes)} cannot be scored: the ground truth has no classes "
            "(column 8 is missing or -1); leave out the classes"
        )
    fraction = np.trunc(truth.score) != truth.score
    if fraction.any():
        row = int(np.argmax(fraction))
        raise ValueError(
            "the score of a ground-truth box (column 7) is the consider flag: "
            f"expected 0 or 1, got {truth.score[row]} in row {row}"
        )
    comparison = compare_boxes(truth, predicted, frames=frames)
    protocol = rules.resolve_protocol(truth, name)
    if protocol == "plain":
        return _plain(comparison, truth, predicted, rules)
    return _mot_challenge(comparison, truth, predicted, protocol)


def _mot_challenge(
    comparison: Comparison, truth: MotRows, predicted: MotRows, protocol: str
) -> Comparison:
    """Keep pedestrians, and the predictions that do not match a distractor."""
    classes = truth.class_id[comparison.truth.row]
    unknown = np.setdiff1d(classes, CLASSES)
    if len(unknown):
        raise ValueError(
            f"protocol {protocol}: expected ground-truth classes from 1 to 13, got "
            f"{unknown.tolist()}; the protocol plain scores every box"
        )
    if (predicted.class_id > PEDESTRIAN).any():
        other = np.unique(predicted.class_id[predicted.class_id > PEDESTRIAN])
        raise ValueError(
            f"protocol {protocol} scores pedestrians: expected predictions of class 1 or without "
            f"a class, got the classes {other.tolist()}"
        )
    pairs = np.flatnonzero(_iou_matches(comparison))
    on_distractor = pairs[np.isin(classes[comparison.pair_truth[pairs]], DISTRACTORS[protocol])]
    keep_predicted = np.ones(len(comparison.predicted), dtype=np.bool_)
    keep_predicted[comparison.pair_predicted[on_distractor]] = False
    keep_truth = (truth.score[comparison.truth.row] != 0) & (classes == PEDESTRIAN)
    return comparison.keep(keep_truth, keep_predicted)


def _plain(
    comparison: Comparison, truth: MotRows, predicted: MotRows, rules: ScoringRules
) -> Comparison:
    """Keep the wanted classes, and remove unmatched predictions inside ignore regions."""
    classes = truth.class_id[comparison.truth.row]
    keep_truth = truth.score[comparison.truth.row] != 0
    keep_predicted = np.ones(len(comparison.predicted), dtype=np.bool_)
    if rules.classes is not None:
        keep_truth &= np.isin(classes, rules.classes)
        keep_predicted &= np.isin(
            predicted.class_id[comparison.predicted.row], [*rules.classes, -1]
        )
    is_region = np.isin(classes, rules.ignore_classes)
    keep_truth &= ~is_region
    if is_region.any():
        covered = _coverage(comparison, truth, predicted) > MIN_COVERAGE
        inside = np.unique(comparison.pair_predicted[is_region[comparison.pair_truth] & covered])
        # Persons may be annotated inside a region: a prediction that matches one is scored.
        scored = comparison.keep(keep_truth, keep_predicted)
        matched = np.flatnonzero(keep_predicted)[scored.pair_predicted[_iou_matches(scored)]]
        keep_predicted[np.setdiff1d(inside, matched)] = False
    return comparison.keep(keep_truth, keep_predicted)


def _coverage(comparison: Comparison, truth: MotRows, predicted: MotRows) -> NDArray[np.float64]:
    """For each pair (K,) the part of the predicted box's area that lies in the ground-truth box."""
    a = truth.xyxy[comparison.truth.row[comparison.pair_truth]]
    b = predicted.xyxy[comparison.predicted.row[comparison.pair_predicted]]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    coverage: NDArray[np.float64] = sides.prod(axis=1) / (b[:, 2:] - b[:, :2]).prod(axis=1)
    return coverage


def _iou_matches(comparison: Comparison) -> NDArray[np.bool_]:
    """Mask (K,) of the one-to-one matching with the largest sum of IoU in each frame."""
    similarity = comparison.similarity
    return max_weight_matching(comparison, np.where(similarity >= MIN_IOU, similarity, 0.0))
