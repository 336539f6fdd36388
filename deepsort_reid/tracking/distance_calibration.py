"""Distance calibration: what a cosine distance of this embedder means in this video.

Running means of two kinds of distances need no labels: two detections of one frame are two
identities; a track matched in two consecutive frames is one identity. Distances are normalised by
the mean inter-identity distance. Appearance is disabled while intra-identity distances are not
clearly smaller.
"""

import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.numbers import median

Embeddings = NDArray[np.float32]

MIN_INTER_IDENTITY_DISTANCE = 1e-3  # below it the embedder is constant: nothing to normalise by

# Normalised intra-identity distance before it is known. In public sequences, with two embedders:
# 0.13 to 0.28 (`benchmarks.appearance_distances`).
USUAL_INTRA_DISTANCE = 0.17

_MIN_FRAMES = 30  # frames of either kind before an embedder is judged
_HORIZON = 200  # frames over which the running means average
_MAX_INTRA_RATIO = 0.7  # of intra- to inter-identity distance of a discriminative embedder
# Detections compared in one frame: the number of pairs grows quadratically.
_MAX_DETECTIONS = 32


class Calibration:
    """Running means of the inter-identity and the intra-identity cosine distance.

    Attributes:
        inter_identity_distance: mean distance between identities, NaN before the first frame with
            two embeddings.
        intra_identity_distance: mean distance within an identity from one frame to the next, NaN
            before the first one.
    """

    def __init__(self) -> None:
        self.inter_identity_distance = np.nan
        self.intra_identity_distance = np.nan
        self._num_inter = 0  # frames that each mean was updated in
        self._num_intra = 0
        self._warned = False

    @property
    def is_discriminative(self) -> bool:
        """Whether appearance can be used.

        False while the inter-identity distance is unknown or zero, and once 30 frames of both
        kinds show that intra-identity distances are not clearly smaller.
        """
        if not self.inter_identity_distance > MIN_INTER_IDENTITY_DISTANCE:
            return False
        if min(self._num_inter, self._num_intra) < _MIN_FRAMES:
            return True
        return bool(self.intra_identity_distance < _MAX_INTRA_RATIO * self.inter_identity_distance)

    @property
    def normalized_intra_distance(self) -> float:
        """Intra-identity distance in units of the inter-identity distance.

        The mean with `USUAL_INTRA_DISTANCE`, which counts as 30 frames.
        """
        if not (self._num_intra and self.inter_identity_distance > MIN_INTER_IDENTITY_DISTANCE):
            return USUAL_INTRA_DISTANCE
        count = min(self._num_intra, _HORIZON)
        here = self.intra_identity_distance / self.inter_identity_distance
        return float((count * here + _MIN_FRAMES * USUAL_INTRA_DISTANCE) / (count + _MIN_FRAMES))

    def needs_frame(self, num_detections: int) -> bool:
        """Whether the embedder is not judged yet, and a frame with these detections would help."""
        inter = num_detections > 1 and self._num_inter < _MIN_FRAMES
        return inter or (num_detections > 0 and self._num_intra < _MIN_FRAMES)

    def update_inter(self, embedding: Embeddings) -> None:
        """Update with the median distance between the embeddings (M, D) of one frame."""
        if len(embedding) < 2:
            return
        step = -(-len(embedding) // _MAX_DETECTIONS)
        # Sorted first: the choice must not depend on the order of the detections.
        some = embedding if step == 1 else embedding[np.argsort(embedding[:, 0])[::step]]
        distance = 1 - (some @ some.T).take(_pairs(len(some)))
        typical = float(median(distance))
        self._num_inter += 1
        self.inter_identity_distance = _running_mean(
            self.inter_identity_distance, typical, self._num_inter
        )

    def update_intra(self, distance: NDArray[np.float64]) -> None:
        """Update with the median of distances (K,) of tracks to their match one frame later.

        Warns once, with UserWarning, when the embedder turns out not to be discriminative.
        """
        if not len(distance):
            return
        self._num_intra += 1
        self.intra_identity_distance = _running_mean(
            self.intra_identity_distance, float(median(distance)), self._num_intra
        )
        if self._num_inter >= _MIN_FRAMES and not self._warned and not self.is_discriminative:
            self._warned = True
            warnings.warn(
                "the embedder does not tell identities apart: mean intra-identity distance "
                f"{self.intra_identity_distance:.3f}, mean inter-identity distance "
                f"{self.inter_identity_distance:.3f}; appearance is disabled meanwhile",
                stacklevel=2,
            )


@lru_cache(maxsize=_MAX_DETECTIONS)
def _pairs(count: int) -> NDArray[np.intp]:
    """Entries above the diagonal of a matrix (count, count), counted row by row."""
    return np.flatnonzero(np.tri(count, dtype=bool) == 0)


def _running_mean(mean: float, value: float, count: int) -> float:
    """Mean of `count` values, of about the last `_HORIZON` when there are more."""
    return value if count == 1 else mean + (value - mean) / min(count, _HORIZON)
