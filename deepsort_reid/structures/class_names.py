"""Names of classes, learned from the column "class_name" of detections."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMN = "class_name"
# Class number -> its name; None for a number that came with more than one name.
ClassNames = Mapping[int, str | None]


def learn_class_names(known: ClassNames, class_id: NDArray[np.int64], name: Any) -> ClassNames:
    """The names `known` so far, with those of detections: numbers and names (M,).

    `known` is returned where there is nothing new, and not changed.
    """
    learned = dict(known)
    for number, each in zip(class_id.tolist(), np.asarray(name).tolist(), strict=True):
        if isinstance(each, str) and learned.setdefault(number, each) != each:
            learned[number] = None
    return known if learned == known else learned


def name_classes(
    names: ClassNames, class_id: NDArray[np.int64], own: Any = None
) -> NDArray[np.object_]:
    """Names (N,) of class numbers (N,) as objects: text, or that in `own` (N,) where unknown.

    `own` is None for no such column; then None stands for an unknown name.
    """
    named = np.empty(len(class_id), dtype=object)
    others = [None] * len(class_id) if own is None else np.asarray(own).tolist()
    columns = zip(class_id.tolist(), others, strict=True)
    named[:] = [names.get(number) or other for number, other in columns]
    return named


def class_names_of(tracks: Any) -> list[str]:
    """Name of the class of each of the `Tracks`; "" where it is unknown."""
    column = tracks.data.get(COLUMN)
    if column is None:
        return [""] * len(tracks)
    return [name if isinstance(name, str) else "" for name in column.tolist()]
