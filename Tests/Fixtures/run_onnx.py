"""Checks the models NAME.onnx in a folder with onnx.checker, shapes included, runs each in ONNX Runtime on NAME.inputs.safetensors,
and writes what comes out to NAME.outputs.safetensors.

    python Tests/Fixtures/run_onnx.py FOLDER

Needs `pip install onnx onnxruntime safetensors numpy`.
"""

import pathlib
import sys

import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    results = session.run(names, load_file(path.with_suffix(".inputs.safetensors")))
    save_file(dict(zip(names, results)), path.with_suffix(".outputs.safetensors"))
