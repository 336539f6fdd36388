"""Small RTMDet networks in ONNX files with a chosen output."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPEN = ("batch", 3, "height", "width")


def write_rtmdet(path, rows, labels=None, *, shape=OPEN, label_type=np.int64, dims=None):
    """Write a network with outputs `rows` (N, 5), boxes with scores, and class numbers `labels`.

    Args:
        path: file to write; returned.
        rows: boxes xyxy in network pixels with scores.
        labels: class numbers (N,); zeros by default.
        shape: of the input.
        label_type: data type of the class numbers.
        dims: declared shapes of the outputs; by default as MMDeploy declares them.
    """
    boxes = np.asarray(rows, dtype=np.float32)[None]
    labels = np.zeros(boxes.shape[1]) if labels is None else np.asarray(labels)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["boxes", "nothing"], ["dets"]),
        helper.make_node("Identity", ["classes"], ["labels"]),
    ]
    dims = dims or (["batch", "num_dets", "dim_2"], ["batch", "num_dets"])
    types = [TensorProto.FLOAT, helper.np_dtype_to_tensor_dtype(np.dtype(label_type))]
    graph = helper.make_graph(
        nodes,
        "rtmdet",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, list(shape))],
        [
            helper.make_tensor_value_info(name, type, size)
            for name, type, size in zip(("dets", "labels"), types, dims, strict=True)
        ],
        [
            numpy_helper.from_array(boxes, "boxes"),
            numpy_helper.from_array(labels[None].astype(label_type), "classes"),
            numpy_helper.from_array(np.zeros((), dtype=np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path
