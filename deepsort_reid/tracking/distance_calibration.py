"""What the distance between two looks means in this video, learned while it runs, without labels.

Two boxes of one frame are two people. A track that was seen in the last frame and matched in this
one is one person. The distances of both kinds say what an embedder's cosine distance is worth here:
its unit is what different people have, and where the same person's are no smaller it is worth
nothing and is left out.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]

# Enough frames to judge an embedder by, and how many the running means look back.
_ENOUGH = 30
_HORIZON = 200
# An embedder is useful when the same person a frame later is much nearer than somebody else.
_USEFUL = 0.7
SMALLEST_UNIT = 1e-3  # a constant embedder has no unit at all
_MOST_PEOPLE = 32  # in one frame: their pairs are plenty, and their number grows quadratically


class Calibration:
    """Running means of cosine distances between different people and of the same person."""

    def __init__(self) -> None:
        self.different = np.nan  # NaN until two people were seen in one frame
        self.same = np.nan
        self._frames_different = 0
        self._frames_same = 0
        self._warned = False

    @property
    def useful(self) -> bool:
        """Whether appearance has a unit, and has not turned out to tell nobody apart."""
        if not self.different > SMALLEST_UNIT:
            return False
        if min(self._frames_different, self._frames_same) < _ENOUGH:
            return True
        return bool(self.same < _USEFUL * self.different)

    def see_frame(self, embedding: Embeddings) -> None:
        """Learn from the embeddings (M, D) of one frame's sure detections."""
        if len(embedding) < 2:
            return
        step = -(-len(embedding) // _MOST_PEOPLE)
        # Whoever is asked must not depend on the order of the detections.
        some = embedding if step == 1 else embedding[np.argsort(embedding[:, 0])[::step]]
        distance = 1 - some @ some.T
        middle = float(np.median(distance[np.triu_indices(len(some), 1)]))
        self._frames_different += 1
        self.different = _moved(self.different, middle, self._frames_different)

    def see_same(self, distance: NDArray[np.float64]) -> None:
        """Learn from distances (K,) of tracks to their match one frame later."""
        if not len(distance):
            return
        self._frames_same += 1
        self.same = _moved(self.same, float(np.median(distance)), self._frames_same)
        if self._frames_different >= _ENOUGH and not self._warned and not self.useful:
            self._warned = True
            warnings.warn(
                "this embedder does not tell people apart: distance of the same person "
                f"{self.same:.3f}, of different people {self.different:.3f}; "
                "appearance is left out while that is so",
                stacklevel=2,
            )


def _moved(mean: float, value: float, count: int) -> float:
    return value if count == 1 else mean + (value - mean) / min(count, _HORIZON)
