"""Writes the node test cases of the onnx package as the folders that ONNX keeps them in: a folder for each, with model.onnx
and test_data_set_0/{input,output}_*.pb.

    python Tests/Fixtures/write_onnx_cases.py FOLDER
    python Tests/Fixtures/write_onnx_cases.py --models FOLDER
    python Tests/Fixtures/write_onnx_cases.py --fixture

Needs `pip install onnx`. Older versions of the package have the folders in onnx/backend/test/data/node; 1.23 computes the cases
when they are asked for, which is what this does. It takes half a minute.

With --models it writes the package's models of other kinds instead, one folder a kind: light (networks with weights of one value, whose inputs
are as the package's own runner makes them), pytorch-converted, pytorch-operator and simple.

With --fixture it writes onnx/node_cases.tar.gz beside itself, for the tests: the cases of the operators listed below, without those
that take more than 16 KiB or have elements of eight bits and fewer, and doubles as floats. Running it again gives the same bytes.
"""

import dataclasses
import gzip
import io
import pathlib
import shutil
import sys
import tarfile
import warnings

import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.runner import Runner

# What `norma check-onnx --help` lists.
OPERATORS = set(
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization BitShift BitwiseAnd "
    "BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad Clip Compress Concat Constant "
    "ConstantOfShape Conv ConvTranspose Cos Cosh CumProd CumSum DepthToSpace DequantizeLinear Div Dropout "
    "DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND "
    "Gelu Gemm GlobalAveragePool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity "
    "InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax "
    "LpNormalization MatMul Max MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul Neg "
    "NegativeLogLikelihoodLoss NonZero Not OneHot Or PRelu Pad Pow QuantizeLinear RMSNormalization Range Reciprocal "
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare Relu Reshape Resize ReverseSequence Round Scatter ScatterElements ScatterND Selu Shape Shrink "
    "Sigmoid Sign Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split Sqrt "
    "Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor"
    .split())


def message(value, kind, name):
    if isinstance(value, onnx.TensorProto):
        return value
    if kind == "sequence_type":
        return numpy_helper.from_list(value, name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, name)
    return numpy_helper.from_array(value, name)


def files(case):
    """The files of a case by their paths."""
    graph = case.model.graph
    found = {f"{case.name}/model.onnx": case.model.SerializeToString(deterministic=True)}
    for number, (inputs, outputs) in enumerate(case.data_sets):
        for role, values, infos in [("input", inputs, graph.input), ("output", outputs, graph.output)]:
            for index, (value, info) in enumerate(zip(values, infos)):
                tensor = message(value, info.type.WhichOneof("value"), info.name)
                path = f"{case.name}/test_data_set_{number}/{role}_{index}.pb"
                found[path] = tensor.SerializeToString(deterministic=True)
    return found


def in_single_precision(case):
    """The case with its doubles as floats: some are written in double precision for no reason of their own."""
    for value in [*case.model.graph.input, *case.model.graph.output]:
        if value.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT

    def single(value):
        return value.astype("float32") if getattr(value, "dtype", None) == "float64" else value

    sets = [tuple([single(value) for value in values] for values in pair) for pair in case.data_sets]
    return dataclasses.replace(case, data_sets=sets)


def is_narrow(case):
    """Whether elements are narrower than a byte, or floating point of a byte or less."""
    values = [*case.model.graph.input, *case.model.graph.output]
    return any(value.type.tensor_type.elem_type >= onnx.TensorProto.FLOAT8E4M3FN for value in values)


def write_fixture(cases):
    contents = io.BytesIO()
    with tarfile.open(fileobj=contents, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for case in sorted(cases, key=lambda case: case.name):
            found = files(in_single_precision(case))
            operators = {node.op_type for node in case.model.graph.node}
            if operators <= OPERATORS and not is_narrow(case) and sum(map(len, found.values())) <= 16 << 10:
                for path, data in found.items():
                    info = tarfile.TarInfo(path)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    path = pathlib.Path(__file__).parent / "onnx" / "node_cases.tar.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(contents.getvalue(), 9, mtime=0))


def write_models(target):
    data = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        shutil.copytree(data / kind, target / kind, dirs_exist_ok=True)
    for path in sorted((data / "light").glob("*.onnx")):
        place = target / "light" / path.stem
        (place / "test_data_set_0").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / "model.onnx")
        graph = onnx.load(path).graph
        own = {tensor.name for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in own]
        for index, value in enumerate(inputs):
            tensor = numpy_helper.from_array(Runner.generate_dummy_data(value), value.name)
            (place / "test_data_set_0" / f"input_{index}.pb").write_bytes(tensor.SerializeToString())
        for index in range(len(graph.output)):
            shutil.copy(f"{path.with_suffix('')}_output_{index}.pb", place / "test_data_set_0" / f"output_{index}.pb")


def main(target, *more):
    if target == "--models":
        return write_models(pathlib.Path(more[0]))
    warnings.simplefilter("ignore")
    cases = collect_testcases()
    if target == "--fixture":
        return write_fixture(cases)
    for case in cases:
        for path, data in files(case).items():
            file = pathlib.Path(target) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


main(*sys.argv[1:])
