"""The network written as an ONNX graph, layer by layer, with free batch, height and width."""

from pathlib import Path
from typing import Any

from slam_frontend.files import write_atomically
from slam_frontend.models.superpoint import SKIP, SuperPoint, fold
from slam_frontend.optional import require

OPSET = 11  # since 13 a sum has its axes as an input, which OpenCV 4.6 (Debian 12) does not read
IR_VERSION = 9  # old enough for runtimes of the last years


def write_graph(path: Path, network: SuperPoint) -> None:
    """Write the folded network; input ``images`` (B,1,H,W), outputs ``logits`` and unit ``descriptors``."""
    onnx = require("onnx", extra="onnx")
    model = build_graph(network)
    onnx.checker.check_model(model)
    write_atomically(path, model.SerializeToString())


def build_graph(network: SuperPoint) -> Any:
    """The onnx.ModelProto of a network."""
    onnx = require("onnx", extra="onnx")
    helper = onnx.helper
    nodes, weights = _layers(fold(network).cpu(), onnx)
    kind = onnx.TensorProto.FLOAT
    images = helper.make_tensor_value_info("images", kind, ["batch", 1, "height", "width"])
    outputs = [
        helper.make_tensor_value_info("logits", kind, ["batch", 65, "rows", "columns"]),
        helper.make_tensor_value_info("descriptors", kind, ["batch", network.config.descriptor_dim, "rows", "columns"]),
    ]
    graph = helper.make_graph(nodes, "superpoint", [images], outputs, weights)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="slam-frontend")


def _layers(network: SuperPoint, onnx: Any) -> tuple[list[Any], list[Any]]:
    helper = onnx.helper
    nodes: list[Any] = []
    weights: list[Any] = []

    def convolve(name: str, source: str) -> str:
        layer, inputs = network.layer(name), [source]
        for part, values in layer.named_parameters():
            inputs.append(f"{name}.{part}")
            weights.append(onnx.numpy_helper.from_array(values.detach().numpy(), inputs[-1]))
        pads, strides = [int(layer.padding[0])] * 4, list(layer.stride)
        kernel_shape = list(layer.weight.shape[2:])
        nodes.append(helper.make_node("Conv", inputs, [name], kernel_shape=kernel_shape, pads=pads, strides=strides))
        return name

    def pool(source: str) -> str:
        nodes.append(helper.make_node("MaxPool", [source], [f"{source}.pool"], kernel_shape=[2, 2], strides=[2, 2]))
        return f"{source}.pool"

    def activate(source: str) -> str:
        nodes.append(helper.make_node("Relu", [source], [f"{source}.relu"]))
        return f"{source}.relu"

    x, detail = "images", None
    for layer in network.config.encoder():
        x = convolve(layer.name, x)
        if layer.skips:
            x = activate(x)
            detail = convolve(SKIP, x)
            x = pool(x)
        else:
            x = activate(pool(x) if layer.pool else x)
    head = convolve("convPa", x)
    if detail:
        nodes.append(helper.make_node("Add", [head, detail], [f"{head}.sum"]))
        head = f"{head}.sum"
    logits = convolve("convPb", activate(head))
    coarse = convolve("convDb", activate(convolve("convDa", x)))
    nodes.append(helper.make_node("Identity", [logits], ["logits"]))
    # OpenCV 4 knows a normalisation by this very chain of nodes; it reduces no axis of an unknown size otherwise
    nodes.append(helper.make_node("Mul", [coarse, coarse], ["squares"]))
    nodes.append(helper.make_node("ReduceSum", ["squares"], ["square"], axes=[1], keepdims=1))
    nodes.append(helper.make_node("Max", ["square", "tiny"], ["safe_square"]))
    nodes.append(helper.make_node("Sqrt", ["safe_square"], ["length"]))
    nodes.append(helper.make_node("Reciprocal", ["length"], ["inverse"]))
    nodes.append(helper.make_node("Mul", [coarse, "inverse"], ["descriptors"]))
    weights.append(helper.make_tensor("tiny", onnx.TensorProto.FLOAT, [], [1e-24]))
    return nodes, weights
