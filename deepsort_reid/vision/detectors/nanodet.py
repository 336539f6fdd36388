"""Outputs of NanoDet and NanoDet-Plus (R. Lyu, 2020 and 2021), as their exporters write them.

The distance to each side of a box is the mean of a distribution over 0 to reg_max strides
(Generalized Focal Loss, Li et al. 2020, equation 5).
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.vision.detectors.onnx_head import (
    STRIDES,
    Candidates,
    Head,
    ImageSize,
    Outputs,
    Probe,
    are_probabilities,
    grid,
    normalized_bgr_values,
    select_best,
)

LAYOUT = (
    "NanoDet, (1, points, classes + 32), or for each of 3 levels class scores (1, points, classes) "
    "and then for each distances (1, points, 4 * (reg_max + 1))"
)

# reg_max is 7 in the published networks with one output.
_DISTANCE_COLUMNS = 32


class _Levels(NamedTuple):
    """Output levels: pixels per cell, and position of a point in its cell, in strides."""

    strides: tuple[int, ...]
    offset: float


_NANODET = _Levels(STRIDES, 0.5)
_NANODET_PLUS = _Levels((*STRIDES, 64), 0.0)


def recognize(probe: Probe) -> Head | None:
    """The head of a network with one of these layouts of outputs; None for another network."""
    outputs = probe.outputs
    if probe.has_size_input or any(each.ndim != 2 for each in outputs):
        return None
    if len(outputs) == 1:
        columns = outputs[0].shape[1]
        if columns <= _DISTANCE_COLUMNS:
            return None
        num_classes = columns - _DISTANCE_COLUMNS
        variants: tuple[_Levels, ...] = (_NANODET_PLUS, _NANODET)
    elif len(outputs) == 2 * len(STRIDES):
        num_classes, columns = outputs[0].shape[1], outputs[-1].shape[1]
        if columns < 8 or columns % 4:
            return None
        variants = (_NANODET,)
    else:
        return None
    for levels in variants:
        if _fits(outputs, probe.size, levels, num_classes):
            return Head(
                name="NanoDet",
                decode=partial(_decode, levels=levels, num_classes=num_classes),
                num_classes=num_classes,
                to_values=normalized_bgr_values,
                has_suppression=False,
            )
    return None


def _fits(outputs: Outputs, size: ImageSize, levels: _Levels, num_classes: int) -> bool:
    """Whether the outputs have a row for each point, and probabilities as class scores."""
    points = [len(grid(size, (stride,))[1]) for stride in levels.strides]
    if len(outputs) == 1:
        rows = outputs[0]
        return len(rows) == sum(points) and are_probabilities(rows[:, :num_classes])
    scores, distances = outputs[: len(points)], outputs[len(points) :]
    columns = distances[0].shape[1]
    return all(
        score.shape == (count, num_classes)
        and distance.shape == (count, columns)
        and are_probabilities(score)
        for score, distance, count in zip(scores, distances, points, strict=True)
    )


def _decode(
    outputs: Outputs,
    size: ImageSize,
    min_score: float,
    classes: NDArray[np.int64] | None,
    *,
    levels: _Levels,
    num_classes: int,
) -> Candidates:
    if len(outputs) == 1:
        scores, distances = outputs[0][:, :num_classes], outputs[0][:, num_classes:]
    else:
        half = len(outputs) // 2
        scores, distances = np.concatenate(outputs[:half]), np.concatenate(outputs[half:])
    rows, score, class_id = select_best(scores, min_score, classes)
    cell, stride = (each[rows] for each in grid(size, levels.strides))
    point = cell + levels.offset
    side = _mean_distance(distances[rows])  # left, top, right, bottom
    xyxy = np.concatenate([point - side[:, :2], point + side[:, 2:]], axis=1) * stride[:, None]
    return Candidates(xyxy, score, class_id)


def _mean_distance(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of the distribution of each side: (M, 4 * (reg_max + 1)) -> (M, 4), in strides."""
    logits = logits.astype(np.float64).reshape(len(logits), 4, logits.shape[1] // 4)
    weight = np.exp(logits - logits.max(axis=2, keepdims=True))
    weight /= weight.sum(axis=2, keepdims=True)
    mean: NDArray[np.float64] = weight @ np.arange(weight.shape[2])
    return mean
