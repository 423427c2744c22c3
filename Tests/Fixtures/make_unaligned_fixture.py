"""Makes Tests/Fixtures/files/unaligned.safetensors with an early version of the format's own library.

    python Tests/Fixtures/make_unaligned_fixture.py

Needs Python 3.7 to 3.11 and `pip install safetensors==0.2.8 numpy`. Until its version 0.3 the library wrote tensors in the
order of their names, whatever their types, behind a header of any length, so that numbers stand at any byte.
"""

import pathlib

import numpy
import safetensors.numpy

tensors = {
    "a": numpy.array([7], numpy.uint8),
    "b": numpy.array([[2.5, -1]], numpy.float32),
    "c": numpy.array([True, False, True]),
    "d": numpy.array([1 / 3, -2], numpy.float64),
    "e": numpy.array(-5, numpy.int64),
    "f": numpy.array([1, -2, 3], numpy.int16),
    "g": numpy.array([0.5], numpy.float16),
}
path = pathlib.Path(__file__).parent / "files" / "unaligned.safetensors"
path.write_bytes(safetensors.numpy.save(tensors))
