"""Crossings: times at which two tracks were in one place, where their ids may have been swapped."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_PAIRS = 2000  # of which those with the largest overlaps are kept
_MIN_IOU = 0.4


class Crossing(NamedTuple):
    """Two tracks in one place.

    Attributes:
        iou: largest intersection over union of their boxes.
        time: of that, in seconds since the first frame.
    """

    iou: float
    time: float


class Crossings:
    """The pairs of tracks whose boxes overlap, each at its largest overlap.

    Attributes:
        of_pair: by two ids, the lower one first.
        num_dropped: pairs that were left out.
    """

    def __init__(self) -> None:
        self.of_pair: dict[tuple[int, int], Crossing] = {}
        self.num_dropped = 0

    def add(self, ids: list[int], iou_of: NDArray[np.float64], time: float) -> None:
        """Add the tracks of a frame, with the IoU (T, T) of their boxes."""
        rows, others = np.nonzero(iou_of >= _MIN_IOU)
        for row, other in zip(rows.tolist(), others.tolist(), strict=True):
            if row >= other:
                continue
            pair = min(ids[row], ids[other]), max(ids[row], ids[other])
            iou = float(iou_of[row, other])
            if pair not in self.of_pair or iou > self.of_pair[pair].iou:
                self.of_pair[pair] = Crossing(iou, time)
        if len(self.of_pair) > MAX_PAIRS:
            ordered = sorted(self.of_pair.items(), key=lambda each: each[1], reverse=True)
            self.num_dropped += len(ordered) - MAX_PAIRS // 2
            self.of_pair = dict(ordered[: MAX_PAIRS // 2])

    def state_dict(self) -> dict[str, Any]:
        """All crossings, as plain data."""
        rows = [(*pair, *crossing) for pair, crossing in self.of_pair.items()]
        table = np.array(rows, np.float64).reshape(-1, 4)
        return {"pairs": table, "num_dropped": self.num_dropped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        rows = state["pairs"].tolist()
        self.of_pair = {(int(a), int(b)): Crossing(iou, time) for a, b, iou, time in rows}
        self.num_dropped = state["num_dropped"]
