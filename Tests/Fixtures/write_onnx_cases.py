"""Writes the node test cases of the onnx package as the folders that ONNX keeps them in: a folder for each, with model.onnx
and test_data_set_0/{input,output}_*.pb.

    python Tests/Fixtures/write_onnx_cases.py FOLDER
    python Tests/Fixtures/write_onnx_cases.py --fixture

Needs `pip install onnx`. Older versions of the package have the folders in onnx/backend/test/data/node; 1.23 computes the cases
when they are asked for, which is what this does. It takes half a minute.

With --fixture it writes onnx/node_cases.tar.gz beside itself, for the tests: the cases of the operators listed below, without the
few that take more than 32 KiB, and doubles as floats. Running it again gives the same bytes.
"""

import dataclasses
import gzip
import io
import pathlib
import sys
import tarfile
import warnings

import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

# What `norma check-onnx --help` lists.
OPERATORS = set(
    "Abs Add AveragePool BatchNormalization Clip Concat Constant Conv ConvTranspose CumSum DepthToSpace Div Dropout Elu Exp "
    "Flatten Gather Gelu Gemm GlobalAveragePool GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization "
    "LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MatMul MaxPool MeanVarianceNormalization Mish Mul Neg PRelu Pad Pow RMSNormalization "
    "Reciprocal ReduceLogSumExp ReduceMean ReduceSum Relu Reshape Resize Sigmoid Slice Softmax Softplus SpaceToDepth Sqrt "
    "Sub Tanh Transpose".split())


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


def write_fixture(cases):
    contents = io.BytesIO()
    with tarfile.open(fileobj=contents, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for case in sorted(cases, key=lambda case: case.name):
            found = files(in_single_precision(case))
            if {node.op_type for node in case.model.graph.node} <= OPERATORS and sum(map(len, found.values())) <= 32 << 10:
                for path, data in found.items():
                    info = tarfile.TarInfo(path)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    path = pathlib.Path(__file__).parent / "onnx" / "node_cases.tar.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(contents.getvalue(), 9, mtime=0))


def main(target):
    warnings.simplefilter("ignore")
    cases = collect_testcases()
    if target == "--fixture":
        return write_fixture(cases)
    for case in cases:
        for path, data in files(case).items():
            file = pathlib.Path(target) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


main(sys.argv[1])
