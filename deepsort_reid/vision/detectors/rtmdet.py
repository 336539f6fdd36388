"""Outputs of RTMDet (Lyu et al. 2022) with suppression inside, as MMDeploy writes it."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.vision.detectors.onnx_head import (
    Candidates,
    Head,
    ImageSize,
    Outputs,
    Probe,
    normalized_bgr_values,
    select_labelled,
)

LAYOUT = "RTMDet, boxes with scores (1, N, 5) and integer class numbers (1, N)"


def recognize(probe: Probe) -> Head | None:
    """The head of a network with this layout of outputs; None for another network."""
    if probe.has_size_input or len(probe.outputs) != 2:
        return None
    rows, labels = probe.outputs
    if rows.ndim != 2 or rows.shape[1] != 5 or rows.dtype.kind != "f":
        return None
    if labels.shape != rows.shape[:1] or labels.dtype.kind != "i":
        return None
    return Head(
        name="RTMDet",
        decode=_decode,
        num_classes=None,
        to_values=normalized_bgr_values,
        has_suppression=True,
    )


def _decode(
    outputs: Outputs, size: ImageSize, min_score: float, classes: NDArray[np.int64] | None
) -> Candidates:
    rows, labels = outputs
    return select_labelled(rows[:, :4], rows[:, 4], labels, min_score, classes)
