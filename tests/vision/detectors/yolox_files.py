"""Small YOLOX networks in ONNX files with a chosen output."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GREY = np.full((48, 96, 3), 90, dtype=np.uint8)


def write_yolox(path, rows, *, side=32, classes=2, anchors=21, shape=None):
    """Write a network with output `rows` {anchor: (x, y, log w, log h, objectness, class...)}.

    A side of 32 has 16 anchors of stride 8, 4 of stride 16 and 1 of stride 32.
    """
    output = np.zeros((1, anchors, 5 + classes), dtype=np.float32)
    for anchor, row in rows.items():
        output[0, anchor] = row
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["constant", "nothing"], ["output"]),
    ]
    shape = shape or [1, 3, side, side]
    graph = helper.make_graph(
        nodes,
        "yolox",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(output, "constant"),
            numpy_helper.from_array(np.zeros((), dtype=np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path
