"""Detections from other box formats, and from the results of other libraries.

No library is imported: their objects are read by the names of their attributes.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.numbers import as_numbers

# Largest magnitude of a coordinate, in pixels, and of a score: sums of squares stay exact enough,
# and nothing overflows.
LIMIT = 1e9

Data = Mapping[str, Any]
T = TypeVar("T", bound="DetectionSources")


class DetectionSources:
    """Other constructors of `Detections`, its base class.

    All of them take `drop_invalid`: leave out boxes that are not finite, have no area or lie beyond
    1e9 pixels, and scores that are not finite, instead of raising ValueError. Rows are then counted
    without them.
    """

    @classmethod
    def from_tlwh(
        cls: type[T],
        tlwh: ArrayLike,
        score: ArrayLike | None = None,
        class_id: ArrayLike | None = None,
        embedding: ArrayLike | None = None,
        data: Data | None = None,
        *,
        drop_invalid: bool = False,
    ) -> T:
        """Detections from left, top, width, height (M, 4) in pixels (MOTChallenge, COCO)."""
        given = _sizes(tlwh, "tlwh", drop_invalid)
        xyxy = boxes.tlwh_to_xyxy(given)
        return _made(cls, xyxy, score, class_id, embedding, data, drop_invalid)

    @classmethod
    def from_xywh(
        cls: type[T],
        xywh: ArrayLike,
        score: ArrayLike | None = None,
        class_id: ArrayLike | None = None,
        embedding: ArrayLike | None = None,
        data: Data | None = None,
        *,
        drop_invalid: bool = False,
    ) -> T:
        """Detections from centre x, centre y, width, height (M, 4) in pixels (YOLO)."""
        given = _sizes(xywh, "xywh", drop_invalid)
        xyxy = boxes.xywh_to_xyxy(given)
        return _made(cls, xyxy, score, class_id, embedding, data, drop_invalid)

    @classmethod
    def from_supervision(cls: type[T], found: Any, *, drop_invalid: bool = False) -> T:
        """Detections from an `sv.Detections`, with its `data`; a mask becomes column "mask".

        Raises ValueError when `found` has other attributes.
        """
        xyxy, score, class_id, mask, data = _attributes(
            found, "an sv.Detections", ("xyxy", "confidence", "class_id", "mask", "data")
        )
        columns = dict(data or {}) if mask is None else {**(data or {}), "mask": mask}
        return _made(cls, xyxy, score, class_id, None, columns, drop_invalid)

    @classmethod
    def from_ultralytics(
        cls: type[T],
        result: Any,
        classes: Collection[int] | None = None,
        *,
        drop_invalid: bool = False,
    ) -> T:
        """Detections from a `Results` object of Ultralytics.

        Args:
            result: of one image. Class names become column "class_name", masks (M, h, w) "mask",
                and keypoints (M, K, 2 or 3) "keypoints".
            classes: class numbers to keep; None for all.

        Raises ValueError when `result` has other attributes.
        """
        found, names, masks, keypoints = _attributes(
            result, "a Results object", ("boxes", "names", "masks", "keypoints")
        )
        xyxy, score, class_id = _attributes(found, "Results.boxes", ("xyxy", "conf", "cls"))
        class_id = _array(class_id).astype(np.int64)
        data: dict[str, Any] = {}
        if names is not None:
            data["class_name"] = np.array([str(names[k]) for k in class_id.tolist()], dtype=object)
        for name, part in (("mask", masks), ("keypoints", keypoints)):
            if part is not None:
                data[name] = _array(part.data)
        made: Any = _made(cls, _array(xyxy), _array(score), class_id, None, data, drop_invalid)
        kept: T = made if classes is None else made[np.isin(made.class_id, list(classes))]
        return kept

    @classmethod
    def from_torchvision(
        cls: type[T], found: Mapping[str, Any], *, drop_invalid: bool = False
    ) -> T:
        """Detections from the dictionary of one image that a torchvision model returns.

        Its "masks" (M, 1, H, W) become column "mask" (M, H, W), and its "keypoints" are carried.

        Raises ValueError when there are no "boxes", "scores" and "labels".
        """
        if not isinstance(found, Mapping) or not {"boxes", "scores", "labels"} <= set(found):
            keys = sorted(found) if isinstance(found, Mapping) else type_name(found)
            raise ValueError(
                f"expected the dictionary of one image with boxes, scores and labels, got {keys}"
            )
        data = {}
        if "masks" in found:
            data["mask"] = _array(found["masks"])[:, 0]
        if "keypoints" in found:
            data["keypoints"] = _array(found["keypoints"])
        xyxy, score, label = (_array(found[name]) for name in ("boxes", "scores", "labels"))
        return _made(cls, xyxy, score, label, None, data, drop_invalid)

    @classmethod
    def from_list(
        cls: type[T],
        rows: Sequence[Any],
        names: Sequence[str] | None = None,
        embedding: ArrayLike | None = None,
        data: Data | None = None,
        *,
        drop_invalid: bool = False,
    ) -> T:
        """Detections from ([left, top, width, height], score, class) tuples (deep-sort-realtime).

        Args:
            rows: one tuple for each box. A class is a whole number, a name, or None for class 0.
            names: all class names; the class number is the place in it. Without it, the number is
                the CRC-32 of the name. Names become column "class_name".
            embedding, data: as for `Detections`.

        Raises ValueError when a row has another form, or a name is not in `names`.
        """
        for number, row in enumerate(rows):
            if not (isinstance(row, Sequence) and len(row) == 3) or isinstance(row, str):
                raise ValueError(
                    "expected ([left, top, width, height], score, class), got "
                    f"{row!r:.80} in row {number}"
                )
        tlwh, score, classes = zip(*rows, strict=True) if len(rows) else ((), (), ())
        columns = dict(data or {})
        if any(isinstance(each, str) for each in classes):
            text = ["" if each is None else str(each) for each in classes]
            columns["class_name"] = np.array(text, dtype=object)
        class_id = [_class_number(each, names) for each in classes]
        scores = [1.0 if each is None else each for each in score]
        return cls.from_tlwh(
            list(tlwh), scores, class_id, embedding, columns, drop_invalid=drop_invalid
        )


def _made(
    cls: type[T],
    xyxy: ArrayLike,
    score: ArrayLike | None,
    class_id: ArrayLike | None,
    embedding: ArrayLike | None,
    data: Data | None,
    drop_invalid: bool,
) -> T:
    make: Any = cls
    made: T = make(xyxy, score, class_id, embedding, data or None, drop_invalid=drop_invalid)
    return made


def valid_rows(xyxy: ArrayLike, score: ArrayLike | None) -> NDArray[np.bool_]:
    """Rows (M,) of boxes (M, 4) and scores (M,) that `Detections` accepts.

    Raises ValueError for another shape.
    """
    given = as_numbers(xyxy, np.float64, "xyxy must be numbers of shape (N, 4)")
    given = given.reshape(-1, 4) if not given.size else given
    if given.ndim != 2 or given.shape[1] != 4:
        raise ValueError(f"xyxy must have shape (N, 4), got shape {given.shape}")
    with np.errstate(invalid="ignore"):
        valid = (given[:, 2:] > given[:, :2]).all(axis=1) & (np.abs(given) <= LIMIT).all(axis=1)
    if score is not None:
        scores = as_numbers(score, np.float64, f"score must be numbers of shape ({len(given)},)")
        if scores.shape != (len(given),):
            raise ValueError(
                f"one score per box: expected shape ({len(given)},), got {scores.shape}"
            )
        valid &= np.isfinite(scores) & (np.abs(scores) <= LIMIT)
    return np.asarray(valid)


def rows_of(column: Any, rows: NDArray[np.bool_], name: str) -> Any:
    """Rows of a column, which is an array, a list or None; ValueError for another length."""
    if column is None:
        return None
    if len(column) != len(rows):
        raise ValueError(f"one {name} per box: got {len(column)} for {len(rows)} boxes")
    return np.asarray(column)[rows]


def _sizes(values: ArrayLike, name: str, drop_invalid: bool) -> NDArray[np.float64]:
    """Boxes with width and height (M, 4); those not above 0 are refused, or left as they are."""
    if drop_invalid:
        given = as_numbers(values, np.float64, f"{name} must be numbers of shape (N, 4)")
        if given.size and (given.ndim != 2 or given.shape[1] != 4):
            raise ValueError(f"{name} must have shape (N, 4), got shape {given.shape}")
        return given.reshape(-1, 4)
    given = boxes.as_boxes(values, name)
    invalid = (given[:, 2:] <= 0).any(axis=1)
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise ValueError(
            f"width and height in {name} must be positive, got {given[row].tolist()} in row {row}"
        )
    return given


def _class_number(given: Any, names: Sequence[str] | None) -> Any:
    if given is None:
        return 0
    if not isinstance(given, str):
        return given
    if names is None:
        return zlib.crc32(given.encode())
    if given not in names:
        raise ValueError(f"class name: expected one of {list(names)}, got {given!r:.80}")
    return list(names).index(given)


def _attributes(found: Any, expected: str, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Attributes of an object of another library; the first is required, others may be missing."""
    if not hasattr(found, names[0]):
        raise ValueError(
            f"expected {expected} with the attribute {names[0]!r}, got {type_name(found)}"
        )
    return tuple(getattr(found, name, None) for name in names)


def _array(values: Any) -> NDArray[Any]:
    """A tensor on any device, or an array, as an array."""
    for step in ("detach", "cpu", "numpy"):
        values = getattr(values, step)() if hasattr(values, step) else values
    return np.asarray(values)


def type_name(value: Any) -> str:
    """The type of a value, with its module."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
