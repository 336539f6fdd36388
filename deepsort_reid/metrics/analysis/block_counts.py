"""The contribution of each block of consecutive frames to the scores of a sequence.

Boxes and ids are matched over the whole sequence. After that, everything that HOTA, CLEAR and IDF1
count belongs to one frame: a match, a miss or a false positive. The counts of the blocks therefore
add up to the counts of the sequence, and blocks can be resampled (`bootstrap`).
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

# The columns of the counts of a block: 19 for each name in PER_THRESHOLD, one for each in SINGLE.
PER_THRESHOLD = ("true_positives", "association")
SINGLE = ("truth", "predicted", "matches", "switches", "identity_true_positives")
N = len(THRESHOLDS)
WIDTH = len(PER_THRESHOLD) * N + len(SINGLE)

# The scores that can be computed from the counts of blocks; True if higher is better.
STATISTICS = {"HOTA": True, "DetA": True, "AssA": True, "MOTA": True, "IDF1": True, "IDSW": False}


def block_counts(comparison: Comparison, length: int) -> Array:
    """Counts (B, WIDTH) of the B blocks of `length` frames; the last block may be shorter."""
    n_blocks = max(1, -(-comparison.frames // length))
    truth, predicted = comparison.truth, comparison.predicted

    def per_block(frame: NDArray[np.int64]) -> Array:
        return np.bincount((frame - 1) // length, minlength=n_blocks).astype(np.float64)

    counts = np.zeros((n_blocks, WIDTH))
    rows, is_tp, association = association_of_matches(comparison)
    block = (truth.frame[rows] - 1) // length
    np.add.at(counts, (block[:, None], np.arange(N)), is_tp)
    np.add.at(counts, (block[:, None], N + np.arange(N)), association)
    history = match_history(comparison)
    identity_rows = comparison.pair_truth[identity_matches(comparison)]
    frames = (
        truth.frame,
        predicted.frame,
        history.frame,
        history.frame[history.is_switch],
        truth.frame[identity_rows],
    )
    for column, frame in enumerate(frames, start=2 * N):
        counts[:, column] = per_block(frame)
    return counts


def statistics(counts: Array) -> dict[str, Array]:
    """The scores of STATISTICS, (...,) each, from summed counts (..., WIDTH)."""
    tp, association = counts[..., :N], counts[..., N : 2 * N]
    truth, predicted, matches, switches, idtp = np.moveaxis(counts[..., 2 * N :], -1, 0)
    deta = tp / np.maximum(1.0, (truth + predicted)[..., None] - tp)
    assa = association / np.maximum(1.0, tp)
    errors = (truth - matches) + (predicted - matches) + switches
    return {
        "HOTA": np.sqrt(deta * assa).mean(axis=-1),
        "DetA": deta.mean(axis=-1),
        "AssA": assa.mean(axis=-1),
        "MOTA": (truth - errors) / np.maximum(1.0, truth),
        "IDF1": idtp / np.maximum(1.0, (truth + predicted) / 2),
        "IDSW": switches,
    }


@dataclass(frozen=True)
class ScoreBlocks:
    """Counts the blocks of one sequence. A class, not a closure, so that it can be pickled."""

    rules: ScoringRules
    length: int  # frames of a block

    def __call__(self, files: SequenceFiles) -> tuple[str, str, Array]:
        """The name of the sequence, the protocol, and the result of `block_counts`."""
        loaded = load_sequence(files, self.rules)
        return loaded.name, loaded.protocol, block_counts(loaded.comparison, self.length)
