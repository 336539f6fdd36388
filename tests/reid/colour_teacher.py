"""Small ONNX network that embeds images by a random map of the mean colours of their halves."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH, CELL = 32, 16, 16
GRID = 3 * (HEIGHT // CELL) * (WIDTH // CELL)


def write_teacher(path, dim=24, seed=0, output_rank=2):
    """Write the network; an output of rank 4 is a feature map."""
    weights = np.random.default_rng(seed).standard_normal((GRID, dim)).astype(np.float32)
    nodes = [
        helper.make_node(
            "AveragePool", ["images"], ["map"], kernel_shape=[CELL] * 2, strides=[CELL] * 2
        ),
        helper.make_node("Flatten", ["map"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
    ]
    shape = ["batch", dim] if output_rank == 2 else ["batch", 3, HEIGHT // CELL, WIDTH // CELL]
    name = "embedding" if output_rank == 2 else "map"
    graph = helper.make_graph(
        nodes if output_rank == 2 else nodes[:1],
        "teacher",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "weights")] if output_rank == 2 else [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
