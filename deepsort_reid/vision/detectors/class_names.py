"""Names of the classes of a detector, and the selection of classes by number or name."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.class_names import COLUMN
from deepsort_reid.structures.detections import Detections

# The 80 classes of COCO, in the order of YOLOX and most networks for COCO.
# fmt: off
COCO_NAMES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)
# fmt: on
_MAX_NAMES = 10_000


def names_of_network(metadata: Mapping[str, str], num_classes: int | None) -> dict[int, str]:
    """Names of the classes of a network, by number; empty where they are not known.

    They are in `names` of its metadata, as a dictionary or list in Python's notation (exports of
    Ultralytics); a network of 80 classes without that has those of COCO.
    """
    text = metadata.get("names", "")
    if not text:
        return dict(enumerate(COCO_NAMES)) if num_classes == len(COCO_NAMES) else {}
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    if isinstance(names, list | tuple):
        names = dict(enumerate(names))
    is_valid = isinstance(names, dict) and len(names) <= _MAX_NAMES
    if not is_valid or not all(
        isinstance(number, int) and isinstance(name, str) for number, name in names.items()
    ):
        return {}
    return {number: " ".join(name.split())[:80] for number, name in names.items()}


def select_classes(
    classes: Sequence[int | str] | None, names: Mapping[int, str], count: int | None = None
) -> NDArray[np.int64] | None:
    """Numbers of classes that are given by number or name, sorted, without duplicates.

    Args:
        classes: the selection; None, which selects all, is returned as it is.
        names: of the classes, by number.
        count: of the classes; None where it is not known.

    Raises ValueError for an empty selection, an unknown name, and a number outside 0 to count - 1.
    """
    if classes is None:
        return None
    number_of = {name: number for number, name in names.items()}
    numbers = [_number(each, number_of) for each in classes]
    if not numbers or min(numbers) < 0 or (count is not None and max(numbers) >= count):
        last = "on" if count is None else f"to {count - 1}"
        raise ValueError(f"classes: expected numbers from 0 {last}, got {classes}")
    return np.unique(np.array(numbers, dtype=np.int64))


def with_names(detections: Detections, names: Mapping[int, str]) -> Detections:
    """The detections with the names of their classes in `data`; without `names`, unchanged."""
    if not names:
        return detections
    column = np.empty(len(detections), dtype=object)
    column[:] = [names.get(number, "") for number in detections.class_id.tolist()]
    return detections.with_data({**detections.data, COLUMN: column})


def _number(given: Any, number_of: Mapping[str, int]) -> int:
    """The number of a class that is given by number or name."""
    if not isinstance(given, str):
        return int(given)
    if not number_of:
        raise ValueError(
            f"classes: expected numbers, because this detector has no class names, got {given!r}"
        )
    if given not in number_of:
        known = ", ".join(list(number_of)[:100])
        raise ValueError(f"classes: expected numbers or names of {known}; got {given!r:.80}")
    return number_of[given]
