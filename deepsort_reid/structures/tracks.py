"""Tracks of one frame: the output of a tracker."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.class_names import COLUMN, ClassNames, name_classes
from deepsort_reid.structures.track_views import TrackViews


class State(IntEnum):
    """State of a track."""

    TENTATIVE = 0  # matched in fewer than `n_init` frames; has no id yet
    CONFIRMED = 1  # confirmed, and matched in this frame
    COASTING = 2  # confirmed, but not matched in this frame; its box is predicted


@dataclass(frozen=True, eq=False, repr=False)
class Tracks(TrackViews):
    """Tracks of one frame, one row per track.

    `DeepSort.update` returns rows in the order of ids, `DeepSort.tracks` in the order of birth.
    Iterating gives a `TrackRow` of plain numbers for each.

    Attributes:
        id: identity (T,) int64, from 1 without gaps, assigned at confirmation; 0 while tentative.
        person_id: person (T,) int64, as far as is known by now: equal for two tracks of one person,
            whatever the gap, and across cameras that share a `PersonRegistry`. 0 while tentative,
            after the person was removed from the registry, beyond the 256 lowest ids of a frame,
            and, with a fixed lag, in a filled gap while the person is seen elsewhere. Equal to `id`
            without embeddings.
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
        data: columns (T, ...) of `Detections.data`, in the rows of the matched detections, in the
            result of `DeepSort.update` and `FixedLag.update`. A filled row, which has no detection,
            has None, NaN, 0, False or "". Column "class_name" is the name of `class_id`, where
            that had one name so far; it is in `DeepSort.tracks`, too.

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
    data: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.id)
        columns = {name: getattr(self, name) for name in _COLUMNS}
        for name, column in (*columns.items(), *self.data.items()):
            if len(column) != n:
                raise ValueError(f"Tracks.{name}: expected {n} rows, got {len(column)}")

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: Any) -> "Tracks":
        """Select tracks by a boolean mask (T,), row numbers, a slice or a single number."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        data = {name: column[rows] for name, column in self.data.items()}
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return Tracks(**columns, data=data)

    def with_data(self, data: Mapping[str, NDArray[Any]]) -> "Tracks":
        """The same tracks with columns (M, ...) of the input, in the rows `detection`."""
        if not data:
            return self
        return replace(self, data={name: _rows(data[name], self.detection) for name in data})

    def with_class_names(self, names: ClassNames) -> "Tracks":
        """The same tracks with the names of their classes in `data`; without `names`, unchanged."""
        if not names:
            return self
        named = name_classes(names, self.class_id, self.data.get(COLUMN))
        return replace(self, data={**self.data, COLUMN: named})

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


_COLUMNS = tuple(each.name for each in fields(Tracks) if each.name != "data")
# Values of a row without a detection, by `dtype.kind`; 0, False or "" for the others.
_MISSING: dict[str, Any] = {"O": None, "f": np.nan, "c": np.nan}


def _rows(column: NDArray[Any], detection: NDArray[np.int64]) -> NDArray[Any]:
    """Rows (T, ...) of a column (M, ...) by the numbers `detection` (T,), -1 for none."""
    matched = detection >= 0
    if matched.all():
        return column[detection]
    rows = np.zeros((len(detection), *column.shape[1:]), dtype=column.dtype)
    if column.dtype.kind in _MISSING:
        rows[...] = _MISSING[column.dtype.kind]
    rows[matched] = column[detection[matched]]
    return rows
