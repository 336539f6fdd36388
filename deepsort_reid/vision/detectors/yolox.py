"""Outputs of YOLOX (Ge et al. 2021), as its exporters write it."""

from functools import partial

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
    bgr_values,
    grid,
    select_best,
)

LAYOUT = "YOLOX, (1, anchors, 5 + classes)"


def recognize(probe: Probe) -> Head | None:
    """The head of a network with this layout of outputs; None for another network."""
    if probe.has_size_input or len(probe.outputs) != 1:
        return None
    (output,) = probe.outputs
    if output.ndim != 2 or output.shape[1] < 6:
        return None
    if len(output) != len(grid(probe.size)[1]) or not are_probabilities(output[:, 4:]):
        return None
    # Some exporters decode boxes inside the network. Sizes that are too large for logarithms
    # of pixels are pixels.
    is_decoded = bool(output[:, 2:4].max() > np.log(max(probe.size)) + 4)
    return Head(
        name="YOLOX",
        decode=partial(_decode, is_decoded=is_decoded),
        num_classes=output.shape[1] - 5,
        to_values=bgr_values,
        has_suppression=False,
    )


def _decode(
    outputs: Outputs,
    size: ImageSize,
    min_score: float,
    classes: NDArray[np.int64] | None,
    *,
    is_decoded: bool,
) -> Candidates:
    output = outputs[0].astype(np.float32, copy=False)
    rows, score, class_id = select_best(output[:, 4:5] * output[:, 5:], min_score, classes)
    raw = output[rows, :4].astype(np.float64)
    if not is_decoded:
        # Offsets from grid cells, and logarithms of sizes, both in strides.
        cell, stride = (each[rows] for each in grid(size))
        centre = (raw[:, :2] + cell) * stride[:, None]
        raw = np.concatenate([centre, np.exp(raw[:, 2:]) * stride[:, None]], axis=1)
    return Candidates(boxes.xywh_to_xyxy(raw), score, class_id)
