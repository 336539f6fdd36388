"""Small YOLOX networks in ONNX files with a chosen output."""

import numpy as np

from tests.vision.detectors.network_files import write_network

GREY = np.full((48, 96, 3), 90, dtype=np.uint8)


def write_yolox(path, rows, *, side=32, classes=2, anchors=21, shape=None):
    """Write a network with output `rows` {anchor: (x, y, log w, log h, objectness, class...)}.

    A side of 32 has 16 anchors of stride 8, 4 of stride 16 and 1 of stride 32.
    """
    output = np.zeros((1, anchors, 5 + classes), dtype=np.float32)
    for anchor, row in rows.items():
        output[0, anchor] = row
    return write_network(path, {"output": output}, shape=shape or [1, 3, side, side])
