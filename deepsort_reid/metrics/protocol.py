"""Which boxes count: the rules of MOTChallenge, or none.

MOT16, MOT17 and MOT20 annotate more than pedestrians. A prediction on a distractor (a person on a
vehicle, somebody standing still, a reflection) is neither right nor wrong: it is taken out, and so
is every truth box that is not a pedestrian or is marked zero (Milan et al., "MOT16", 2016;
Dendorfer et al., "MOT20", 2020).
"""

import numpy as np

from deepsort_reid.metrics.comparison import EPS, Comparison
from deepsort_reid.metrics.matching import heaviest
from deepsort_reid.mot import MotRows

PEDESTRIAN = 1

# Person on vehicle, static person, distractor, reflection; in MOT20 non-motorised vehicles too.
DISTRACTORS = {"mot16": (2, 7, 8, 12), "mot20": (2, 6, 7, 8, 12)}

CLASSES = range(1, 14)
CROWD = 13  # annotated in MOT20 only

PROTOCOLS = ("auto", "mot16", "mot20", "plain")


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


def apply_protocol(comparison: Comparison, truth: MotRows, protocol: str) -> Comparison:
    """Take out the boxes that `protocol` does not score. `truth` is what was compared.

    Under every protocol a truth box marked zero (its score) does not count.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol is one of {', '.join(PROTOCOLS)}: got {protocol!r}")
    if protocol == "auto":
        protocol = choose_protocol(truth)
    row = comparison.truth.row
    scored = np.trunc(truth.score[row]) != 0
    every = np.ones(len(comparison.predicted), dtype=np.bool_)
    if protocol == "plain":
        return comparison.keep(scored, every)
    classes = truth.class_id[row]
    strange = np.setdiff1d(classes, CLASSES)
    if len(strange):
        raise ValueError(
            f"protocol {protocol} knows the classes 1 to 13: the truth has {strange.tolist()}; "
            'use protocol "plain" to score every box'
        )
    # Matched by overlap alone, against every class: each frame anew, no memory of the one before.
    near = np.where(comparison.similarity >= 0.5 - EPS, comparison.similarity, 0.0)
    pairs = np.flatnonzero(heaviest(comparison, near))
    distractor = np.isin(classes[comparison.pair_truth[pairs]], DISTRACTORS[protocol])
    every[comparison.pair_predicted[pairs[distractor]]] = False
    return comparison.keep(scored & (classes == PEDESTRIAN), every)
