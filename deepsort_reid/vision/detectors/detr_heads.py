"""Outputs of RT-DETR (Zhao et al. 2024), D-FINE (Peng et al. 2025) and their relatives."""

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
    rgb_unit_values,
    select_best,
    select_labelled,
)

LAYOUT = (
    "RT-DETR and D-FINE, integer labels (1, N), boxes (1, N, 4) and scores (1, N) with a second "
    "input orig_target_sizes (1, 2), or logits (1, N, classes) and boxes (1, N, 4) of 0 to 1, not "
    "with 91 or 92 classes"
)

# The numbers of COCO's categories with gaps, and those with "no object". Networks with so many
# (DETR, Deformable DETR, DINO, RF-DETR) take images of another normalisation.
_OTHER_NUM_CLASSES = (91, 92)


def recognize(probe: Probe) -> Head | None:
    """The head of a network with one of these layouts of outputs; None for another network."""
    if probe.has_size_input:
        order = _order_of_boxes(probe)
        decode, num_classes = partial(_decode_boxes, order=order), None
    else:
        order = _order_of_logits(probe)
        decode = partial(_decode_logits, order=order)
        num_classes = probe.outputs[order[0]].shape[1] if order else None
    if not order:
        return None
    return Head(
        name="RT-DETR",
        decode=decode,
        num_classes=num_classes,
        to_values=rgb_unit_values,
        has_suppression=True,  # one query for each object
        keeps_aspect_ratio=False,  # images are stretched in training
    )


def _order_of_boxes(probe: Probe) -> tuple[int, ...]:
    """Numbers of the outputs labels (N,), boxes (N, 4) and scores (N,); () for other outputs."""
    kinds = [(each.dtype.kind, each.ndim) for each in probe.outputs]
    if sorted(kinds) != [("f", 1), ("f", 2), ("i", 1)]:
        return ()
    order = tuple(kinds.index(kind) for kind in (("i", 1), ("f", 2), ("f", 1)))
    labels, found, scores = (probe.outputs[number] for number in order)
    fits = len(labels) == len(scores) and found.shape == (len(labels), 4)
    return order if fits and are_probabilities(scores) else ()


def _order_of_logits(probe: Probe) -> tuple[int, ...]:
    """Numbers of the outputs logits (N, classes) and boxes (N, 4); () for other outputs."""
    shapes = [each.shape for each in probe.outputs]
    if len(shapes) != 2 or any(len(shape) != 2 for shape in shapes) or shapes[0][0] != shapes[1][0]:
        return ()
    may_be_boxes = [
        number
        for number, output in enumerate(probe.outputs)
        if output.shape[1] == 4 and output.dtype.kind == "f" and are_probabilities(output)
    ]
    if len(may_be_boxes) == 2:  # four classes; the name tells
        may_be_boxes = [number for number in may_be_boxes if "box" in probe.names[number].lower()]
    if len(may_be_boxes) != 1:
        return ()
    order = (1 - may_be_boxes[0], may_be_boxes[0])
    logits = probe.outputs[order[0]]
    return order if logits.dtype.kind == "f" and logits.shape[1] not in _OTHER_NUM_CLASSES else ()


def _decode_boxes(
    outputs: Outputs,
    size: ImageSize,
    min_score: float,
    classes: NDArray[np.int64] | None,
    *,
    order: tuple[int, ...],
) -> Candidates:
    labels, xyxy, score = (outputs[number] for number in order)
    return select_labelled(xyxy, score, labels, min_score, classes)


def _decode_logits(
    outputs: Outputs,
    size: ImageSize,
    min_score: float,
    classes: NDArray[np.int64] | None,
    *,
    order: tuple[int, ...],
) -> Candidates:
    logits, xywh = (outputs[number].astype(np.float64) for number in order)
    rows, score, class_id = select_best(_sigmoid(logits), min_score, classes)
    pixels = xywh[rows] * (size[1], size[0], size[1], size[0])
    return Candidates(boxes.xywh_to_xyxy(pixels), score, class_id)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * logits))  # without overflow
    return values
