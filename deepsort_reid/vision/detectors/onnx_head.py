"""What the formats of ONNX detectors have in common: image values, outputs, selection of rows."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame

ImageSize = tuple[int, int]  # height, width of the network's input
Outputs = Sequence[NDArray[Any]]  # of the network, without the batch axis

# Network pixels per grid cell of the usual three output levels.
STRIDES = (8, 16, 32)
# Of the training images of OpenMMLab and NanoDet, per channel in BGR order.
BGR_MEAN = (103.53, 116.28, 123.675)
BGR_STD = (57.375, 57.12, 58.395)


class Probe(NamedTuple):
    """A network and its outputs for an image of zeros, by which a format is recognised."""

    outputs: Outputs
    names: Sequence[str]  # of the outputs
    size: ImageSize
    has_size_input: bool  # a second input takes (width, height), in which boxes are given


class Candidates(NamedTuple):
    """Boxes before non-maximum suppression."""

    xyxy: boxes.Boxes  # (M, 4), in pixels of the network's input
    score: NDArray[np.float64]  # (M,)
    class_id: NDArray[np.int64]  # (M,)


class Head(NamedTuple):
    """How to use a network of one format.

    Attributes:
        name: name of the format.
        decode: outputs, input size, least score and classes (None: all) -> candidates.
        num_classes: number of classes; None where the outputs do not tell.
        to_values: image (H, W, 3) BGR uint8 -> values (3, H, W) of the network's input.
        has_suppression: the network suppresses overlapping boxes itself, or does not give them.
        keeps_aspect_ratio: whether frames are resized with their aspect ratio.
    """

    name: str
    decode: Callable[[Outputs, ImageSize, float, NDArray[np.int64] | None], Candidates]
    num_classes: int | None
    to_values: Callable[[Frame], NDArray[np.float32]]
    has_suppression: bool
    keeps_aspect_ratio: bool = True


def bgr_values(image: Frame) -> NDArray[np.float32]:
    """Values (3, H, W) of 0 to 255 in BGR order."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)


def rgb_unit_values(image: Frame) -> NDArray[np.float32]:
    """Values (3, H, W) of 0 to 1 in RGB order."""
    values = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1), dtype=np.float32)
    values /= 255
    return values


def normalized_bgr_values(image: Frame) -> NDArray[np.float32]:
    """Values (3, H, W) in BGR order, without the mean and divided by the standard deviation."""
    values = bgr_values(image)
    for plane, mean, std in zip(values, BGR_MEAN, BGR_STD, strict=True):
        plane -= np.float32(mean)
        plane /= np.float32(std)
    return values


@lru_cache(maxsize=32)
def grid(
    size: ImageSize, strides: tuple[int, ...] = STRIDES
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grid cell (A, 2) and stride (A,) of each output row, level by level, row by row."""
    cells, of_cells = [], []
    for stride in strides:
        y, x = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        of_cells.append(np.full(x.size, stride))
    return (
        np.concatenate(cells).astype(np.float64),
        np.concatenate(of_cells).astype(np.float64),
    )


def are_probabilities(values: NDArray[Any]) -> bool:
    """Whether all values are from 0 to 1, but for rounding."""
    return bool(np.all((values >= -1e-3) & (values <= 1 + 1e-3)))


def select_best(
    scores: NDArray[Any], min_score: float, classes: NDArray[np.int64] | None
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int64]]:
    """The best of the `classes` in each row of scores (A, C), where it reaches `min_score`.

    Returns rows (M,), scores (M,) and class numbers (M,).
    """
    classes = np.arange(scores.shape[1]) if classes is None else classes
    selected = scores[:, classes]
    best = selected.argmax(axis=1)
    score = np.take_along_axis(selected, best[:, None], axis=1)[:, 0].astype(np.float64)
    rows = np.flatnonzero(score >= min_score)
    return rows, score[rows], classes[best[rows]]


def select_labelled(
    xyxy: NDArray[Any],
    score: NDArray[Any],
    class_id: NDArray[Any],
    min_score: float,
    classes: NDArray[np.int64] | None,
) -> Candidates:
    """The boxes (M, 4) of the given `classes` whose score reaches `min_score`."""
    class_id = class_id.astype(np.int64)
    keep = score.astype(np.float64) >= min_score
    if classes is not None:
        keep &= np.isin(class_id, classes)
    return Candidates(xyxy[keep].astype(np.float64), score[keep].astype(np.float64), class_id[keep])
