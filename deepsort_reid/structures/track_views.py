"""Tracks as rows of plain numbers, and as objects of other libraries."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

if TYPE_CHECKING:
    import pandas as pd
    import supervision as sv

_BOX = ("left", "top", "right", "bottom")


class TrackRow(NamedTuple):
    """One track in plain numbers; see `Tracks`."""

    id: int
    person_id: int
    xyxy: tuple[float, float, float, float]
    score: float
    class_id: int
    detection: int
    state: int
    age: int
    misses: int


class TrackViews:
    """Base class of `Tracks`: its rows in other forms."""

    if TYPE_CHECKING:
        id: NDArray[np.int64]
        person_id: NDArray[np.int64]
        xyxy: NDArray[np.float64]
        score: NDArray[np.float64]
        class_id: NDArray[np.int64]
        data: Mapping[str, NDArray[Any]]

    def __iter__(self) -> Iterator[TrackRow]:
        """Rows of plain integers and floats, for loops and JSON."""
        columns = (getattr(self, name).tolist() for name in TrackRow._fields)
        for id, person_id, xyxy, *others in zip(*columns, strict=True):
            yield TrackRow(id, person_id, tuple(xyxy), *others)

    def __repr__(self) -> str:
        ids = ", ".join(map(str, self.id[:10].tolist())) + (", ..." if len(self.id) > 10 else "")
        return f"Tracks({len(self.id)}: ids {ids})" if len(self.id) else "Tracks(0)"

    @property
    def tlwh(self) -> NDArray[np.float64]:
        """Boxes (T, 4): left, top, width, height in pixels (MOTChallenge, COCO)."""
        return boxes.xyxy_to_tlwh(self.xyxy)

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dictionary for each track: the fields of `TrackRow` and the columns of `data`.

        Numbers and boxes are plain ones and lists, which `json` can write.
        """
        columns = {name: column.tolist() for name, column in self.data.items()}
        return [
            {
                **row._asdict(),
                "xyxy": list(row.xyxy),
                **{name: column[number] for name, column in columns.items()},
            }
            for number, row in enumerate(self)
        ]

    def to_pandas(self) -> "pd.DataFrame":
        """A table with a row for each track: `TrackRow` with the box in four columns, and `data`.

        Raises ImportError when pandas is not installed.
        """
        import pandas as pd

        columns = {name: getattr(self, name) for name in TrackRow._fields if name != "xyxy"}
        box = {name: self.xyxy[:, column] for column, name in enumerate(_BOX)}
        data = {
            name: column if column.ndim == 1 else list(column) for name, column in self.data.items()
        }
        return pd.DataFrame({"id": columns.pop("id"), **box, **columns, **data})

    def to_supervision(self) -> "sv.Detections":
        """An `sv.Detections` with `tracker_id`; its data are ours and `person_id`.

        Column "mask" becomes its mask. Raises ImportError when supervision is not installed.
        """
        import supervision as sv

        data = dict(self.data)
        mask = data.pop("mask", None)
        return sv.Detections(
            xyxy=self.xyxy.astype(np.float32),
            mask=mask,
            confidence=self.score.astype(np.float32),
            class_id=self.class_id.astype(int),
            tracker_id=self.id.astype(int),
            data={**data, "person_id": self.person_id.astype(int)},
        )
