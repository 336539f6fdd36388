"""What each stretch of frames adds to the scores of a sequence.

Everything that HOTA, CLEAR and identity count belongs to a match, a miss or a false positive, and
so to a frame; only who goes with whom is decided over the whole sequence, before. The blocks of a
sequence therefore add up to its counts, and can be drawn anew (`bootstrap`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.events import match_history
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.hota import THRESHOLDS, association_of_matches
from deepsort_reid.metrics.identity import identity_matches
from deepsort_reid.metrics.protocol import ScoringRules
from deepsort_reid.metrics.sequences import SequenceFiles, load_sequence

Array = NDArray[np.float64]

# The columns of a block's counts: 19 each for the former, one each for the latter.
PER_THRESHOLD = ("true_positives", "association")
SINGLE = ("truth", "predicted", "matches", "switches", "same_identity")
N = len(THRESHOLDS)
WIDTH = len(PER_THRESHOLD) * N + len(SINGLE)

# The numbers that blocks can tell; True where more is better.
STATISTICS = {"HOTA": True, "DetA": True, "AssA": True, "MOTA": True, "IDF1": True, "IDSW": False}


def block_counts(comparison: Comparison, length: int) -> Array:
    """Counts (B, WIDTH) of the B blocks of `length` frames; the last one may be shorter."""
    n_blocks = max(1, -(-comparison.frames // length))
    truth, predicted = comparison.truth, comparison.predicted

    def per_block(frame: NDArray[np.int64]) -> Array:
        return np.bincount((frame - 1) // length, minlength=n_blocks).astype(np.float64)

    counts = np.zeros((n_blocks, WIDTH))
    rows, passes, association = association_of_matches(comparison)
    block = (truth.frame[rows] - 1) // length
    np.add.at(counts, (block[:, None], np.arange(N)), passes)
    np.add.at(counts, (block[:, None], N + np.arange(N)), association)
    matched = match_history(comparison)
    switched = matched.follows & (matched.track != np.roll(matched.track, 1))
    same = comparison.pair_truth[identity_matches(comparison)]
    frames = (truth.frame, predicted.frame, matched.frame, matched.frame[switched])
    for place, frame in enumerate((*frames, truth.frame[same])):
        counts[:, 2 * N + place] = per_block(frame)
    return counts


def statistics(counts: Array) -> dict[str, Array]:
    """The numbers of STATISTICS for summed counts (..., WIDTH): each (...,)."""
    hits, association = counts[..., :N], counts[..., N : 2 * N]
    truth, predicted, matches, switches, same = np.moveaxis(counts[..., 2 * N :], -1, 0)
    detection = hits / np.maximum(1.0, (truth + predicted)[..., None] - hits)
    quality = association / np.maximum(1.0, hits)
    wrong = (truth - matches) + (predicted - matches) + switches
    return {
        "HOTA": np.sqrt(detection * quality).mean(axis=-1),
        "DetA": detection.mean(axis=-1),
        "AssA": quality.mean(axis=-1),
        "MOTA": (truth - wrong) / np.maximum(1.0, truth),
        "IDF1": same / np.maximum(1.0, (truth + predicted) / 2),
        "IDSW": switches,
    }


@dataclass(frozen=True)
class ScoreBlocks:
    """Read one pair and count its blocks; an object, because it travels to other processes."""

    rules: ScoringRules
    length: int  # frames of a block

    def __call__(self, pair: SequenceFiles) -> tuple[str, str, Array]:
        """The sequence's name, the protocol, and `block_counts`."""
        opened = load_sequence(pair, self.rules)
        return opened.name, opened.protocol, block_counts(opened.comparison, self.length)
