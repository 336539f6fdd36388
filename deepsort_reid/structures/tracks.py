"""Tracks of one frame: the output of a tracker."""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class State(IntEnum):
    """State of a track."""

    TENTATIVE = 0  # matched in fewer than `n_init` frames; has no id yet
    CONFIRMED = 1  # confirmed, and matched in this frame
    COASTING = 2  # confirmed, but not matched in this frame; its box is predicted


@dataclass(frozen=True, eq=False)
class Tracks:
    """Tracks of one frame, one row per track.

    `DeepSort.update` returns rows in the order of ids, `DeepSort.tracks` in the order of birth.

    Attributes:
        id: identity (T,) int64, from 1 without gaps, assigned at confirmation; 0 while tentative.
        person_id: person (T,) int64, as far as is known by now: equal for two tracks of one person,
            whatever the gap, and across cameras that share a `PersonRegistry`. 0 while tentative,
            with a fixed lag, after the person was removed from the registry, and beyond the 256
            lowest ids of a frame. Equal to `id` without embeddings.
        xyxy: box (T, 4) float64, left, top, right, bottom in pixels: that of the matched detection
            with its jitter removed (`DeepSortConfig.smooth_boxes`), or predicted while coasting. It
            may exceed the frame. The box of the detection itself is
            `detections.xyxy[tracks.detection]`.
        filtered_xyxy: box (T, 4) float64 as estimated by the Kalman filter.
        score: score (T,) float64 of the matched detection, while coasting of the last one.
        class_id: class (T,) int64 with the highest sum of scores over all matches of the track.
        detection: row (T,) int64 of the matched detection in the input, -1 while coasting.
        state: `State` values (T,) int64.
        age: frames (T,) int64 since the track began, 1 in its first frame.
        misses: frames (T,) int64 since the last match, 0 if matched in this frame.

    Raises ValueError when columns differ in length.
    """

    id: NDArray[np.int64]
    person_id: NDArray[np.int64]
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
        for name in _COLUMNS:
            rows = len(getattr(self, name))
            if rows != n:
                raise ValueError(f"Tracks.{name}: expected {n} rows, got {rows}")

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: Any) -> "Tracks":
        """Select tracks by a boolean mask (T,), row numbers, a slice or a single number."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        return Tracks(*(getattr(self, name)[rows] for name in _COLUMNS))

    @classmethod
    def empty(cls) -> "Tracks":
        """No tracks."""
        none = np.empty(0, dtype=np.int64)
        boxes = np.empty((0, 4))
        return cls(none, none, boxes, boxes, np.empty(0), none, none, none, none, none)

    def id_of_detection(self, n_detections: int) -> NDArray[np.int64]:
        """The id of each of the `n_detections` input detections, (M,) int64, -1 where it has none.

        Raises ValueError when a track was matched to a row beyond `n_detections`.
        """
        matched = self.detection >= 0
        if matched.any() and int(self.detection.max()) >= n_detections:
            raise ValueError(
                f"n_detections must be the number of input detections, at least "
                f"{int(self.detection.max()) + 1} for these tracks, got {n_detections}"
            )
        ids = np.full(n_detections, -1, dtype=np.int64)
        has_id = matched & (self.id > 0)
        ids[self.detection[has_id]] = self.id[has_id]
        return ids


_COLUMNS = tuple(field.name for field in fields(Tracks))
