"""What the tracker says about one frame: identities, boxes and where each came from."""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class State(IntEnum):
    """Where a track stands in its life."""

    TENTATIVE = 0  # seen too few times to be believed; has no id yet
    CONFIRMED = 1  # matched in this frame
    COASTING = 2  # confirmed once, not matched in this frame; its box is where it is expected


@dataclass(frozen=True, eq=False)
class Tracks:
    """One row per track: in the order of ids from `update`, of birth from `DeepSort.tracks`.

    Attributes:
        id: identity (T,) int64, dense from 1, given at confirmation; 0 while tentative.
        xyxy: box in pixels (T, 4) float64: the matched detection's without the shaking that this
            video's detections show, if any; where the person is expected while coasting. It may
            reach beyond the picture. The matched box as it came is
            `detections.xyxy[tracks.detection]`.
        filtered_xyxy: the Kalman filter's estimate (T, 4) float64.
        score: the matched detection's score (T,) float64; while coasting the last one.
        class_id: score-weighted vote over the track's life (T,) int64.
        detection: row of the input detection (T,) int64, -1 while coasting.
        state: `State` values (T,) int64.
        age: frames since the track began, its first frame counting as 1 (T,) int64.
        misses: frames since the last match, 0 when matched in this frame (T,) int64.
    """

    id: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    filtered_xyxy: NDArray[np.float64]
    score: NDArray[np.float64]
    class_id: NDArray[np.int64]
    detection: NDArray[np.int64]
    state: NDArray[np.int64]
    age: NDArray[np.int64]
    misses: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.id)
        for field in fields(self):
            rows = len(getattr(self, field.name))
            if rows != n:
                raise ValueError(f"Tracks.{field.name}: expected {n} rows, got {rows}")

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: Any) -> "Tracks":
        """The tracks of a boolean mask (T,), of an array of rows, or of a slice."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        return Tracks(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def empty(cls) -> "Tracks":
        """No track at all."""
        whole = np.empty(0, dtype=np.int64)
        box = np.empty((0, 4))
        return cls(whole, box, box, np.empty(0), whole, whole, whole, whole, whole)

    def id_of_detection(self, n_detections: int) -> NDArray[np.int64]:
        """The id that each of `n_detections` input detections got, (M,) int64, -1 where none.

        Raises ValueError when a track names a detection row that `n_detections` does not have.
        """
        seen = self.detection >= 0
        if seen.any() and int(self.detection.max()) >= n_detections:
            raise ValueError(
                f"these tracks come from at least {int(self.detection.max()) + 1} detections, "
                f"asked for {n_detections}"
            )
        ids = np.full(n_detections, -1, dtype=np.int64)
        named = seen & (self.id > 0)
        ids[self.detection[named]] = self.id[named]
        return ids
