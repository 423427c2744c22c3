"""Makes the models in Tests/Fixtures/running, what goes into them, and what ONNX Runtime makes of it.

    python Tests/Fixtures/make_run_fixtures.py

Needs `pip install onnx onnxruntime numpy`; the committed files were made with onnx 1.23.2, onnxruntime 1.32.0 and numpy 2.4.6.
"""

import pathlib

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(__file__).parent / "running"
folder.mkdir(exist_ok=True)
random = numpy.random.default_rng(22)


def write(name, nodes, inputs, outputs, tensors, **values):
    """Writes a model, `values` as its inputs, and its outputs."""
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(key, kind, shape) for key, kind, shape in inputs],
        [helper.make_tensor_value_info(key, kind, shape) for key, kind, shape in outputs],
        [numpy_helper.from_array(value, key) for key, value in tensors.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    numpy.savez(folder / f"{name}.inputs.npz", **values)
    numpy.savez(folder / f"{name}.outputs.npz", **dict(zip(names, session.run(names, values))))


def normal(*shape, kind="f4"):
    return random.normal(size=shape).astype(kind)


# Several inputs of several types, and several outputs.
write(
    "encoder",
    [
        helper.make_node("Gather", ["table", "ids"], ["embedded"]),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["embedded", "column"], ["masked"]),
        helper.make_node("LayerNormalization", ["masked", "gamma", "beta"], ["normalized"]),
        helper.make_node("MatMul", ["normalized", "weight"], ["tokens"]),
        helper.make_node("ArgMax", ["tokens"], ["best"], axis=-1, keepdims=0),
        helper.make_node("Greater", ["mask", "half"], ["kept"]),
    ],
    [("ids", TensorProto.INT64, ["N", "T"]), ("mask", TensorProto.FLOAT, ["N", "T"])],
    [
        ("tokens", TensorProto.FLOAT, ["N", "T", 6]), ("best", TensorProto.INT64, ["N", "T"]),
        ("kept", TensorProto.BOOL, ["N", "T"]),
    ],
    {
        "table": normal(12, 8), "last": numpy.array([-1]), "gamma": normal(8), "beta": normal(8), "weight": normal(8, 6),
        "half": numpy.array(0.5, "f4"),
    },
    ids=random.integers(0, 12, size=(2, 5)), mask=random.integers(0, 2, size=(2, 5)).astype("f4"))

# Double precision: some numbers that single precision does not hold.
write(
    "double",
    [
        helper.make_node("Gemm", ["x", "weight", "bias"], ["sums"], transB=1),
        helper.make_node("Cast", ["one"], ["offset"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["sums", "offset"], ["scores"]),
    ],
    [("x", TensorProto.DOUBLE, ["N", 64])], [("scores", TensorProto.DOUBLE, ["N", 10])],
    {"weight": normal(10, 64, kind="f8") / 16, "bias": normal(10, kind="f8"), "one": numpy.array(1, "f4")},
    x=normal(4, 64, kind="f8"))

# Images in and images out.
write(
    "images",
    [
        helper.make_node("Conv", ["x", "down", "bias"], ["small"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["small"], ["rectified"]),
        helper.make_node("ConvTranspose", ["rectified", "up"], ["y"], strides=[2, 2]),
    ],
    [("x", TensorProto.FLOAT, ["N", 3, 8, 10])], [("y", TensorProto.FLOAT, ["N", 2, 8, 10])],
    {"down": normal(5, 3, 3, 3), "bias": normal(5), "up": normal(5, 2, 2, 2)},
    x=normal(2, 3, 8, 10))

# What is not finite.
write(
    "logarithm", [helper.make_node("Log", ["x"], ["y"])], [("x", TensorProto.FLOAT, ["N"])], [("y", TensorProto.FLOAT, ["N"])], {},
    x=numpy.array([1, 2, -1, 0], "f4"))
