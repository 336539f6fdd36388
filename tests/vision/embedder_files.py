"""Embedders as ONNX files, small enough to compute their embeddings by hand."""

import onnx
from onnx import TensorProto, helper


def write_embedder(
    path,
    *,
    shape=("batch", 3, 8, 4),
    element=TensorProto.FLOAT,
    operator="GlobalAveragePool",
    inputs=1,
    flatten=True,
    gain=None,
    **metadata,
):
    """Write an embedder that returns the mean colour (RGB) of the normalised image, times `gain`.

    Args:
        path: file to write; returned.
        shape: of the input.
        element: data type of input and output.
        operator: pooling operator.
        inputs: number of inputs, of which the first is used.
        flatten: False leaves the output four-dimensional.
        gain: factor of the embedding; None for none.
        metadata: properties of the model.
    """
    names = [f"image{i}" for i in range(inputs)]
    steps = [(operator, [])]
    if flatten:
        steps.append(("Flatten", []))
    constants = []
    if gain is not None:
        steps.append(("Mul", ["gain"]))
        constants.append(helper.make_tensor("gain", element, [1], [gain]))
    nodes, value = [], names[0]
    for number, (step, arguments) in enumerate(steps):
        nodes.append(helper.make_node(step, [value, *arguments], [f"value{number}"]))
        value = f"value{number}"
    graph = helper.make_graph(
        nodes,
        "mean colour",
        [helper.make_tensor_value_info(name, element, list(shape)) for name in names],
        [helper.make_tensor_value_info(value, element, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    onnx.save(model, str(path))
    return path


def write_endless_model(path):
    """Write a model (2, 3, 8, 4) -> (2, 3) that counts to 10^15 before it returns mean colours."""
    condition, number = TensorProto.BOOL, TensorProto.FLOAT
    step = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still_go_on"]),
            helper.make_node("Add", ["sum", "one"], ["next_sum"]),
        ],
        "step",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", condition, []),
            helper.make_tensor_value_info("sum", number, [1]),
        ],
        [
            helper.make_tensor_value_info("still_go_on", condition, []),
            helper.make_tensor_value_info("next_sum", number, [1]),
        ],
        [helper.make_tensor("one", number, [1], [1.0])],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Loop", ["rounds", "true", "zero"], ["count"], body=step),
            helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("Add", ["mean", "count"], ["embedding"]),
        ],
        "endless",
        [helper.make_tensor_value_info("image", number, [2, 3, 8, 4])],
        [helper.make_tensor_value_info("embedding", number, [2, 3])],
        [
            helper.make_tensor("rounds", TensorProto.INT64, [], [10**15]),
            helper.make_tensor("true", condition, [], [True]),
            helper.make_tensor("zero", number, [1], [0.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return path
