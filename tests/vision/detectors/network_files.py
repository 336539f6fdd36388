"""Small detector networks in ONNX files with chosen outputs."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPEN = ("batch", 3, "height", "width")


def write_network(path, outputs, *, shape=OPEN, dims=None, image_type=np.float32, size_type=None):
    """Write a network that has the same outputs for every image.

    Args:
        path: file to write; returned.
        outputs: {name: array with the batch axis}, float32 or integers.
        shape: declared shape of the image input.
        dims: {name: declared shape} of outputs; by default every length is open.
        image_type: data type of the image input.
        size_type: data type of a second input orig_target_sizes (1, 2), in which boxes, the output
            "boxes" of values from 0 to 1, are given; None for a network without it.
    """
    nodes = [
        helper.make_node("Cast", ["images"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    inputs = [("images", image_type, list(shape))]
    constants = {"zero": np.zeros((), dtype=np.float32)}
    for name, array in outputs.items():
        constants[f"{name}_value"] = array
        if name == "boxes" and size_type is not None:
            inputs.append(("orig_target_sizes", size_type, ["batch", 2]))
            constants["pairs"] = np.array([0, 1, 0, 1])
            nodes += [
                helper.make_node("Cast", ["orig_target_sizes"], ["size"], to=TensorProto.FLOAT),
                helper.make_node("Gather", ["size", "pairs"], ["sides"], axis=1),
                helper.make_node("Mul", [f"{name}_value", "sides"], [name]),
            ]
        elif array.dtype.kind == "f":
            nodes.append(helper.make_node("Add", [f"{name}_value", "nothing"], [name]))
        else:
            nodes.append(helper.make_node("Identity", [f"{name}_value"], [name]))
    declared = {name: ["batch", *["n"] * (array.ndim - 1)] for name, array in outputs.items()}
    declared.update(dims or {})
    graph = helper.make_graph(
        nodes,
        "detector",
        [_value_info(*each) for each in inputs],
        [_value_info(name, outputs[name].dtype, declared[name]) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return save(path, graph)


def write_open_network(path, before, after=(), *, channel, gain, rows_first=True):
    """Write a network for images of every size, with an output row for each grid cell.

    A row of strides 8, 16 and 32 is (*before, score, *after); the score is the mean value of one
    channel of the image in the cell times `gain`.

    Args:
        path: file to write; returned.
        before, after: constants of the rows.
        channel, gain: what the score is made of.
        rows_first: whether the output is (1, rows, columns), not (1, columns, rows).
    """
    nodes = []
    for stride in (8, 16, 32):
        square = [stride, stride]
        nodes += [
            helper.make_node(
                "AveragePool", ["images"], [f"cells{stride}"], kernel_shape=square, strides=square
            ),
            helper.make_node("Reshape", [f"cells{stride}", "flat"], [f"level{stride}"]),
        ]
    nodes += [
        helper.make_node("Concat", ["level8", "level16", "level32"], ["cells"], axis=2),
        helper.make_node("Gather", ["cells", "channel"], ["value"], axis=1),
        helper.make_node("Mul", ["value", "gain"], ["score"]),
        helper.make_node("Mul", ["score", "zero"], ["nothing"]),
    ]
    constants = {
        "flat": np.array([0, 3, -1]),
        "channel": np.array([channel]),
        "gain": np.array(gain, dtype=np.float32),
        "zero": np.zeros((), dtype=np.float32),
    }
    columns = []
    for name, values in (("before", before), ("score", None), ("after", after)):
        if values is not None and len(values):
            constants[f"{name}_values"] = np.reshape(values, (1, -1, 1)).astype(np.float32)
            nodes.append(helper.make_node("Add", ["nothing", f"{name}_values"], [name]))
        if values is None or len(values):
            columns.append(name)
    order = [0, 2, 1] if rows_first else [0, 1, 2]
    nodes += [
        helper.make_node("Concat", columns, ["columns"], axis=1),
        helper.make_node("Transpose", ["columns"], ["output"], perm=order),
    ]
    graph = helper.make_graph(
        nodes,
        "open",
        [_value_info("images", np.float32, list(OPEN))],
        [_value_info("output", np.float32, ["batch", "a", "b"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return save(path, graph)


def write_rtmdet(path, rows, labels=None, *, label_type=np.int64, **options):
    """Write a network with outputs `rows` (N, 5), boxes with scores, and class numbers (N,)."""
    rows = np.asarray(rows, dtype=np.float32)[None]
    labels = np.zeros(rows.shape[1]) if labels is None else np.asarray(labels)
    outputs = {"dets": rows, "labels": labels[None].astype(label_type)}
    return write_network(path, outputs, **options)


def save(path, graph):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def _value_info(name, dtype, shape):
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
    )
