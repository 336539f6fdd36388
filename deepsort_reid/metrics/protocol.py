"""Which boxes count: the rules of MOTChallenge, or none.

MOT16, MOT17 and MOT20 annotate more than pedestrians. A prediction on a distractor (a person on a
vehicle, somebody standing still, a reflection) is neither right nor wrong: it is taken out, and so
is every truth box that is not a pedestrian or is marked zero (Milan et al., "MOT16", 2016;
Dendorfer et al., "MOT20", 2020).
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

# Person on vehicle, static person, distractor, reflection; in MOT20 non-motorised vehicles too.
DISTRACTORS = {"mot16": (2, 7, 8, 12), "mot20": (2, 6, 7, 8, 12)}

CLASSES = range(1, 14)
CROWD = 13  # annotated in MOT20 only

NEAR = 0.5 - EPS  # IoU from which a prediction stands for a truth box
INSIDE = 0.5  # share of a prediction's area in an ignore region, above which it may be forgiven


@dataclass(frozen=True, kw_only=True)
class ScoringRules:
    """Which boxes of the two sides are scored."""

    protocol: str = "auto"  # one of PROTOCOLS; "auto": chosen from the truth's classes
    # Only with "plain". Score these classes alone; a prediction without a class kept.
    classes: tuple[int, ...] | None = None
    # Only with "plain". Truth boxes of these classes are regions in which nothing is false.
    ignore_classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol is one of {', '.join(PROTOCOLS)}: got {self.protocol!r}")
        both = set(self.classes or ()) & set(self.ignore_classes)
        if both:
            raise ValueError(f"classes {sorted(both)} cannot both be scored and be ignored")
        if self.protocol.startswith("mot") and (self.classes or self.ignore_classes):
            raise ValueError(f"protocol {self.protocol} has its own classes: leave them to it")

    def resolve_protocol(self, truth: MotRows, name: str = "") -> str:
        """The protocol by name, "auto" resolved: see `choose_protocol`."""
        if self.protocol != "auto":
            return self.protocol
        if self.classes or self.ignore_classes:
            return "plain"
        return choose_protocol(truth, name)


def choose_protocol(truth: MotRows, name: str = "") -> str:
    """The protocol that the classes of the truth call for.

    "plain" unless every class is one of MOTChallenge's 1..13 and some box is not a pedestrian;
    then "mot20" when `name`, the sequence's, starts with MOT20 or a crowd (13) is annotated, and
    else "mot16".
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
    """Lay two sets of boxes side by side and take out those that `rules` do not score.

    Under every protocol a truth box marked zero (its score) does not count. Raises ValueError as
    `compare_boxes` does, for classes that the protocol or the truth does not know, and for truth
    scores that are fractions: they are somebody's scores, not marks.
    """
    if rules.classes and len(truth) and (truth.class_id == -1).all():
        raise ValueError(
            f"classes {list(rules.classes)} are to be scored, but the truth names no class "
            "(column 8 is missing or -1): leave out the classes"
        )
    fraction = np.trunc(truth.score) != truth.score
    if fraction.any():
        row = int(np.argmax(fraction))
        raise ValueError(
            "the score of a truth box says whether it counts, 0 or 1: "
            f"got {truth.score[row]} in row {row}"
        )
    comparison = compare_boxes(truth, predicted, frames=frames)
    protocol = rules.resolve_protocol(truth, name)
    if protocol == "plain":
        return _plain(comparison, truth, predicted, rules)
    classes = truth.class_id[comparison.truth.row]
    strange = np.setdiff1d(classes, CLASSES)
    if len(strange):
        raise ValueError(
            f"protocol {protocol} knows the classes 1 to 13: the truth has {strange.tolist()}; "
            "the protocol plain scores every box"
        )
    if (predicted.class_id > PEDESTRIAN).any():
        other = np.unique(predicted.class_id[predicted.class_id > PEDESTRIAN])
        raise ValueError(
            f"protocol {protocol} scores pedestrians (class 1): "
            f"the predictions have the classes {other.tolist()}"
        )
    pairs = np.flatnonzero(_near_pairs(comparison))
    distractor = np.isin(classes[comparison.pair_truth[pairs]], DISTRACTORS[protocol])
    kept = np.ones(len(comparison.predicted), dtype=np.bool_)
    kept[comparison.pair_predicted[pairs[distractor]]] = False
    scored = (truth.score[comparison.truth.row] != 0) & (classes == PEDESTRIAN)
    return comparison.keep(scored, kept)


def _plain(
    comparison: Comparison, truth: MotRows, predicted: MotRows, rules: ScoringRules
) -> Comparison:
    classes = truth.class_id[comparison.truth.row]
    scored = truth.score[comparison.truth.row] != 0
    kept = np.ones(len(comparison.predicted), dtype=np.bool_)
    if rules.classes is not None:
        scored &= np.isin(classes, rules.classes)
        kept &= np.isin(predicted.class_id[comparison.predicted.row], [*rules.classes, -1])
    region = np.isin(classes, rules.ignore_classes)
    scored &= ~region
    if region.any():
        inside = _share_inside(comparison, truth, predicted) > INSIDE
        forgiven = np.unique(comparison.pair_predicted[region[comparison.pair_truth] & inside])
        # Somebody annotated may stand in a region: what matches a scored box is not forgiven.
        left = comparison.keep(scored, kept)
        matched = np.flatnonzero(kept)[left.pair_predicted[_near_pairs(left)]]
        kept[np.setdiff1d(forgiven, matched)] = False
    return comparison.keep(scored, kept)


def _share_inside(
    comparison: Comparison, truth: MotRows, predicted: MotRows
) -> NDArray[np.float64]:
    """Share of the predicted box of each pair (K,) that lies in its truth box."""
    a = truth.xyxy[comparison.truth.row[comparison.pair_truth]]
    b = predicted.xyxy[comparison.predicted.row[comparison.pair_predicted]]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    share: NDArray[np.float64] = sides.prod(axis=1) / (b[:, 2:] - b[:, :2]).prod(axis=1)
    return share


def _near_pairs(comparison: Comparison) -> NDArray[np.bool_]:
    """Mask (K,) of the best one-to-one choice by overlap alone, each frame anew."""
    similarity = comparison.similarity
    return max_weight_matching(comparison, np.where(similarity >= NEAR, similarity, 0.0))
