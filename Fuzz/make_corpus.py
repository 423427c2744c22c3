"""Writes the seeds in Corpus: small files made here, the tests' fixtures, and what `norma train` writes.

    python3 Fuzz/make_corpus.py .build/release/norma       with the package onnx installed
"""

import gzip
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings

import onnx

ROOT = pathlib.Path(__file__).parent
FIXTURES = ROOT.parent / "Tests" / "Fixtures"


def put(reader, name, content):
    folder = ROOT / "Corpus" / reader
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def idx(lengths, kind=8):
    count = 1
    for length in lengths:
        count *= length
    header = bytes([0, 0, kind, len(lengths)]) + b"".join(length.to_bytes(4, "big") for length in lengths)
    return header + bytes(i % 256 for i in range(count))


def tar(files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        for name, content in files.items():
            information = tarfile.TarInfo(name)
            information.size = len(content)
            file.addfile(information, io.BytesIO(content))
    return archive.getvalue()


# An operator, its attributes, the shapes of its inputs (whole numbers after "=" are tensors of the model's own), how many
# outputs it has, and the version of the operators.
OPERATORS = [
    ("Abs", {}, ["2,3"], 1, 22),
    ("Add", {}, ["2,3", "3"], 1, 22),
    ("AveragePool", dict(kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], ceil_mode=1), ["1,2,5,4"], 1, 22),
    ("AveragePool", dict(kernel_shape=[2], count_include_pad=1, pads=[1, 0]), ["2,1,5"], 1, 22),
    ("BatchNormalization", dict(training_mode=1), ["2,3,2", "3", "3", "3", "3"], 3, 22),
    ("BatchNormalization", dict(epsilon=0.1), ["2,3,2,2", "3", "3", "3", "3"], 1, 9),
    ("Clip", {}, ["2,3", "", ""], 1, 22),
    ("Concat", dict(axis=-1), ["2,1", "2,3"], 1, 22),
    ("Constant", dict(value_ints=[2, 3]), [], 1, 22),
    ("Conv", dict(pads=[1, 0, 1, 1], strides=[2, 1], dilations=[1, 2], group=2), ["1,4,5,5", "2,2,3,2", "2"], 1, 22),
    ("Conv", dict(auto_pad="SAME_LOWER"), ["2,1,5", "3,1,2"], 1, 22),
    ("ConvTranspose", dict(pads=[1, 0, 1, 1], strides=[2, 1], dilations=[1, 2], output_padding=[1, 0], group=2),
     ["1,4,3,3", "4,1,3,2", "2"], 1, 22),
    ("ConvTranspose", dict(auto_pad="SAME_LOWER", strides=[2]), ["2,1,5", "1,3,2"], 1, 22),
    ("CumSum", dict(exclusive=1, reverse=1), ["2,3", "=1"], 1, 22),
    ("DepthToSpace", dict(blocksize=2, mode="CRD"), ["1,8,2,3"], 1, 22),
    ("Div", {}, ["2,3", "2,1"], 1, 22),
    ("Dropout", {}, ["2,3"], 2, 22),
    ("Elu", dict(alpha=0.5), ["2,3"], 1, 22),
    ("Exp", {}, ["2,3"], 1, 22),
    ("Flatten", dict(axis=2), ["2,3,4"], 1, 22),
    ("Gather", dict(axis=1), ["2,3", "=0,-1,2"], 1, 22),
    ("Gelu", dict(approximate="tanh"), ["2,3"], 1, 22),
    ("Gemm", dict(alpha=0.5, beta=2.0, transA=1, transB=1), ["3,2", "4,3", "4"], 1, 22),
    ("GlobalAveragePool", {}, ["2,3,4,2"], 1, 22),
    ("GroupNormalization", dict(num_groups=2), ["2,4,3", "4", "4"], 1, 22),
    ("GroupNormalization", dict(num_groups=2), ["2,4,3", "2", "2"], 1, 18),
    ("HardSigmoid", dict(alpha=0.3), ["2,3"], 1, 22),
    ("HardSwish", {}, ["2,3"], 1, 22),
    ("Identity", {}, ["2"], 1, 22),
    ("InstanceNormalization", {}, ["2,3,4", "3", "3"], 1, 22),
    ("LRN", dict(size=3), ["2,4,3"], 1, 22),
    ("LayerNormalization", dict(axis=-2), ["2,3,4", "3,4", "4"], 3, 22),
    ("LeakyRelu", dict(alpha=0.1), ["2,3"], 1, 22),
    ("Log", {}, ["2,3"], 1, 22),
    ("LogSoftmax", dict(axis=0), ["2,3"], 1, 22),
    ("LpNormalization", dict(axis=1, p=1), ["2,3,2"], 1, 22),
    ("MatMul", {}, ["2,1,2,3", "2,3,2"], 1, 22),
    ("MaxPool", dict(kernel_shape=[2, 2, 2], strides=[1, 2, 1], dilations=[1, 1, 2]), ["1,2,3,4,5"], 1, 22),
    ("MeanVarianceNormalization", dict(axes=[0, 2]), ["2,3,2"], 1, 22),
    ("Mish", {}, ["2,3"], 1, 22),
    ("Mul", {}, ["2,1", "1,3"], 1, 22),
    ("Neg", {}, ["2,3"], 1, 22),
    ("PRelu", {}, ["2,3", "3"], 1, 22),
    ("Pad", dict(mode="reflect"), ["2,3", "=1,0,0,2"], 1, 22),
    ("Pad", {}, ["2,3", "=1,-1"], 1, 22),
    ("Pow", {}, ["2,3", "3"], 1, 22),
    ("Reciprocal", {}, ["2,3"], 1, 22),
    ("ReduceLogSumExp", dict(keepdims=0), ["2,3,4", "=1"], 1, 22),
    ("ReduceMean", dict(keepdims=0), ["2,3,4", "=1"], 1, 22),
    ("ReduceMean", dict(axes=[0, 2]), ["2,3,4"], 1, 13),
    ("ReduceSum", {}, ["2,3,4", "=0,-1"], 1, 22),
    ("Relu", {}, ["2,3"], 1, 22),
    ("Reshape", {}, ["2,3,4", "=0,-1,2"], 1, 22),
    ("Resize", dict(mode="cubic", coordinate_transformation_mode="align_corners"), ["1,1,3,2", "0", "4"], 1, 22),
    ("Sigmoid", {}, ["2,3"], 1, 22),
    ("Slice", {}, ["4,3", "=3,-3", "=-9,9", "=0,1", "=-2,1"], 1, 22),
    ("Softmax", dict(axis=0), ["2,3"], 1, 22),
    ("Softmax", {}, ["2,3,4"], 1, 11),
    ("Softplus", {}, ["2,3"], 1, 22),
    ("SpaceToDepth", dict(blocksize=2), ["1,3,4,2"], 1, 22),
    ("Sqrt", {}, ["2,3"], 1, 22),
    ("Sub", {}, ["2,3", ""], 1, 22),
    ("Tanh", {}, ["2,3"], 1, 22),
    ("Transpose", dict(perm=[2, 0, 1]), ["2,3,4"], 1, 22),
]


def onnx_model(operator, attributes, shapes, output_count, version):
    """A model of one node; its outputs may have any shape."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    names = [f"x{index}" for index in range(len(shapes))]
    outputs = [f"y{index}" for index in range(output_count)]
    inputs, own = [], []
    for name, shape in zip(names, shapes):
        numbers = [int(number) for number in shape.lstrip("=").split(",") if number]
        if shape.startswith("="):
            own.append(helper.make_tensor(name, onnx.TensorProto.INT64, [len(numbers)], numbers))
        else:
            inputs.append(helper.make_tensor_value_info(name, floats, numbers))
    kind = onnx.TensorProto.INT64 if operator == "Constant" else floats
    graph = helper.make_graph(
        [helper.make_node(operator, names, outputs, **attributes)],
        "g",
        inputs,
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        own,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)]).SerializeToString()


def operator_seed(case):
    """The bytes that `OperatorModel` makes a model like a small case of; None for one that it does not fit."""
    nodes = case.model.graph.node
    if len(nodes) != 1 or len(nodes[0].input) > 8 or len(nodes[0].output) > 4:
        return None

    def number(value):
        return bytes([min(max(int(value), -128), 127) % 256]) if not -7 < int(value) < 0 else bytes([249])

    def name(text):
        return bytes([len(text)]) + text.encode()

    node, known = nodes[0], {value.name: data for value, data in zip(case.model.graph.input, case.data_sets[0][0])}
    domain = f"{node.domain}." if node.domain else ""
    versions = [entry.version for entry in case.model.opset_import if entry.domain in ("", "ai.onnx")] or [22]
    seed = name(domain + node.op_type) + bytes([versions[0] - 1, len(node.output) - 1, len(node.input)])
    kinds = {"float32": 2, "int64": 4, "bool": 7, "int32": 8, "uint8": 9, "int8": 10, "float16": 11, "float64": 12}
    first = None
    for text in node.input:
        data = known.get(text)
        if not text:
            seed += bytes([0])
            continue
        kind = kinds.get(str(getattr(data, "dtype", "")))
        if kind is None or data.ndim > 5 or any(length > 5 for length in data.shape) or data.size > 200:
            return None
        is_sample = data.ndim in (1, 2, 3) and data.shape[0] == 2 and all(length < 5 for length in data.shape)
        if kind == 2 and first is None and is_sample:
            first = data.shape
            seed += bytes([1])
            continue
        seed += bytes([kind, data.ndim, *data.shape])
        seed += b"".join(number(8 * value if kind in (2, 12) else value) for value in data.flatten().tolist())
    attributes = [attribute for attribute in node.attribute if attribute.type in (1, 2, 3, 6, 7)][:7]
    seed += bytes([len(attributes)])
    for attribute in attributes:
        value = onnx.helper.get_attribute_value(attribute)
        seed += name(attribute.name)
        if attribute.type == 2:
            seed += bytes([0]) + number(value)
        elif attribute.type == 1:
            seed += bytes([1]) + number(8 * value)
        elif attribute.type == 3:
            seed += bytes([2, len(value) % 24]) + value[:len(value) % 24]
        else:
            scale = 1 if attribute.type == 7 else 8
            seed += bytes([3 if attribute.type == 7 else 4, len(value) % 9])
            seed += b"".join(number(scale * item) for item in value[:len(value) % 9])
    lengths = list(first or (2, 3))
    return seed + bytes((lengths + [1, 1])[1:3]) + bytes([3 - len(lengths)])


def write_operators():
    """A seed for each operator, of its smallest case, and a model whose elements are beside it."""
    from onnx.backend.test.case.node import collect_testcases

    warnings.simplefilter("ignore")
    smallest = {}
    for case in collect_testcases():
        seed = operator_seed(case)
        operator = case.model.graph.node[0].op_type
        if seed and len(seed) < len(smallest.get(operator, bytes(1 << 16))):
            smallest[operator] = seed
    for operator, seed in smallest.items():
        put("onnx-operator", operator, seed)
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[3], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in [("location", "data"), ("offset", "4"), ("length", "12")]:
        tensor.external_data.add(key=key, value=value)
    helper = onnx.helper
    values = [helper.make_tensor_value_info(name, 1, [3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", values[:1], values[1:], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    put("onnx-external", "sum", len(model).to_bytes(2, "big") + model + bytes(range(16)))


def main(norma):
    write_operators()
    for number, case in enumerate(OPERATORS):
        put("onnx-run", f"{number:02}-{case[0]}.onnx", onnx_model(*case))
    for name in ["gnu.tar", "pax.tar", "ustar.tar"]:
        put("tar", name, (FIXTURES / "files" / name).read_bytes())
    for name in ["members.gz", "padded.gz", "table.csv.gz"]:
        put("gzip", name, (FIXTURES / "files" / name).read_bytes())
    put("gzip", "zeros.gz", gzip.compress(bytes(1 << 20), mtime=0))
    for name in ["read", "written", "unsupported"]:
        put("safetensors", f"{name}.safetensors", (FIXTURES / "files" / f"{name}.safetensors").read_bytes())
    for path in (FIXTURES / "numpy").iterdir():
        if path.suffix in [".npy", ".npz"]:
            put(path.suffix[1:], path.name, path.read_bytes())
    for path in (FIXTURES / "pytorch").iterdir():
        if path.suffix == ".pt":
            put("pytorch", path.name, path.read_bytes())
    for path in (FIXTURES / "images").iterdir():
        if path.suffix in [".png", ".jpg"]:
            put("image", path.name, path.read_bytes())
    tables = {
        "plain": "1,2,a\n3,4,b\n-5e3,.5,a\n",
        "header": 'w,h,"kind ""x"""\r\n1,2,"a,b"\r\n3,4,"c\nd"\r\n',
        "mark": "\ufeffa;b\n1;2\n",
        "numbers": "1,2,3.5\n4,5,-6\n7,8,9e2\n",
    }
    for name, text in tables.items():
        put("csv", f"{name}.csv", text.encode())
        put("csv-regression", f"{name}.csv", text.encode())
    put("idx", "images", idx([3, 2, 2]))
    put("idx", "labels", idx([5]))
    record = bytes([3]) + bytes(i % 251 for i in range(3072))
    names = "\n".join(f"class {i}" for i in range(10)).encode() + b"\n"
    put(
        "cifar10",
        "small.tar",
        tar({"c/data_batch_1.bin": record * 2, "c/test_batch.bin": record, "c/batches.meta.txt": names}),
    )
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "table.csv"
        table.write_text("".join(f"{i % 5},{i % 3},{i % 7},{i % 4},{'ab'[i % 2]}\n" for i in range(40)))
        for optimizer in ["adam", "momentum", "sgd"]:
            out = pathlib.Path(folder) / optimizer
            options = ["--data", f"csv:{table}", "--model", "mlp:3", "--epochs", "3", "--batch-size", "8", "--quiet"]
            # An early end leaves the checkpoints: the model's name is taken by a folder.
            (out / "model.safetensors").mkdir(parents=True)
            subprocess.run(
                [norma, "train", "--optimizer", optimizer, "--out", out, "--checkpoint-every", "1", *options],
                stderr=subprocess.DEVNULL,
                check=False,
            )
            newest = sorted((out / "checkpoints").iterdir())[-1]
            put("training-state", f"{optimizer}.safetensors", newest.read_bytes())
        shutil.rmtree(out)
        subprocess.run([norma, "train", "--out", out, *options], stdout=subprocess.DEVNULL, check=True)
        put("checkpoint", "perceptron.safetensors", (out / "model.safetensors").read_bytes())
        subprocess.run([norma, "convert", out, "-o", out / "model.onnx"], stdout=subprocess.DEVNULL, check=True)
        put("onnx", "perceptron.onnx", (out / "model.onnx").read_bytes())
        put("onnx-run", "perceptron.onnx", (out / "model.onnx").read_bytes())


if __name__ == "__main__":
    main(sys.argv[1])
