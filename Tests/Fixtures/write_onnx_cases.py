"""Writes the node test cases of the onnx package as the folders that ONNX keeps them in: a folder for each, with model.onnx
and test_data_set_0/{input,output}_*.pb.

    python Tests/Fixtures/write_onnx_cases.py FOLDER
    python Tests/Fixtures/write_onnx_cases.py --models FOLDER
    python Tests/Fixtures/write_onnx_cases.py --fixture

Needs `pip install onnx`. Older versions of the package have the folders in onnx/backend/test/data/node; 1.23 computes the cases
when they are asked for, which is what this does. It takes half a minute.

With --models it writes the package's models of other kinds instead, one folder a kind: light (networks with weights of one value, whose inputs
are as the package's own runner makes them), pytorch-converted, pytorch-operator and simple.

With --fixture it writes onnx/node_cases.tar.gz beside itself, for the tests: the cases of all operators but those listed below, without
those that take more than 12 KiB. Running it again gives the same bytes.
"""

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

# What is refused by name: other domains than ONNX's own, random numbers, pictures and regular expressions.
REFUSED = {"Bernoulli", "ImageDecoder", "RandomUniformLike", "RegexFullMatch"}


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


def write_fixture(cases):
    contents = io.BytesIO()
    with tarfile.open(fileobj=contents, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for case in sorted(cases, key=lambda case: case.name):
            found = files(case)
            nodes = case.model.graph.node
            is_refused = any(
                node.op_type in REFUSED or node.domain.startswith(("ai.onnx.ml", "ai.onnx.preview.training"))
                for node in nodes)
            if not is_refused and sum(map(len, found.values())) <= 12 << 10:
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
