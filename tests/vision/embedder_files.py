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
