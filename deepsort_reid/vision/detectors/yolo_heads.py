"""Outputs of YOLO networks without objectness: YOLOv8 and its relatives, and end-to-end ones.

Written from descriptions of the outputs; the programs and weights of these networks have licences
of their own.
"""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.vision.detectors.onnx_head import (
    Candidates,
    Head,
    ImageSize,
    Outputs,
    Probe,
    are_probabilities,
    grid,
    rgb_unit_values,
    select_best,
    select_labelled,
)

LAYOUT = (
    "YOLOv8 and YOLO11, (1, 4 + classes, anchors), or end-to-end with suppression inside, "
    "(1, N, 6) of x1, y1, x2, y2, score, class number"
)


def recognize(probe: Probe) -> Head | None:
    """The head of a network with one of these layouts of outputs; None for another network."""
    if probe.has_size_input or len(probe.outputs) != 1 or probe.outputs[0].ndim != 2:
        return None
    (output,) = probe.outputs
    anchors = len(grid(probe.size)[1])
    if output.shape[1] == anchors and len(output) > 4 and are_probabilities(output[4:]):
        return Head(
            name="YOLOv8",
            decode=_decode_dense,
            num_classes=len(output) - 4,
            to_values=rgb_unit_values,
            has_suppression=False,
        )
    if output.shape[1] != 6 or len(output) == anchors:
        return None
    label = output[:, 5]
    if not are_probabilities(output[:, 4]) or np.any((label < 0) | (label % 1 != 0)):
        return None
    return Head(
        name="end-to-end YOLO",
        decode=_decode_end_to_end,
        num_classes=None,
        to_values=rgb_unit_values,
        has_suppression=True,
    )


def _decode_dense(
    outputs: Outputs, size: ImageSize, min_score: float, classes: NDArray[np.int64] | None
) -> Candidates:
    output = outputs[0].T  # (anchors, 4 + classes)
    rows, score, class_id = select_best(output[:, 4:], min_score, classes)
    return Candidates(boxes.xywh_to_xyxy(output[rows, :4].astype(np.float64)), score, class_id)


def _decode_end_to_end(
    outputs: Outputs, size: ImageSize, min_score: float, classes: NDArray[np.int64] | None
) -> Candidates:
    (rows,) = outputs
    return select_labelled(rows[:, :4], rows[:, 4], rows[:, 5], min_score, classes)
