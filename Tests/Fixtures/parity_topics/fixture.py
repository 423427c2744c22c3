"""What all topics share: the file, the two precisions, and reproducible random inputs."""

import json
import math
import zlib
from pathlib import Path

import numpy
import torch
from safetensors.numpy import save_file

from .hashed_numbers import hashed_values

# Every result is computed twice from the same Float inputs; the tag stands in the tensor's name.
PRECISIONS = {"f32": torch.float32, "f64": torch.float64}


class Fixture:
    """Cases and their tensors, as one safetensors file with the cases as JSON under the metadata key "cases"."""

    def __init__(self):
        self.cases = []
        self.tensors = {}

    def add_case(self, case: dict, tensors: dict) -> None:
        """Adds a case whose tensors are named `<case name>.<tensor name>`."""
        if any(case["name"] == other["name"] for other in self.cases):
            raise ValueError(f"two cases named {case['name']}")
        self.cases.append(case)
        for name, tensor in tensors.items():
            self.add_tensor(f"{case['name']}.{name}", tensor)

    def add_digested_case(self, case: dict, results: dict) -> None:
        """Adds a case of hashed inputs, of whose results, in double precision, the digests alone are kept: a row each, by name."""
        rows = [digest(f"{case['name']}.{name}", result) for name, result in sorted(results.items())]
        self.add_case(case, {"digests": numpy.array(rows)})

    def add_tensor(self, name: str, tensor) -> None:
        """Adds a tensor under its full name: F32, F64 or I64."""
        array = tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else numpy.asarray(tensor)
        if array.dtype not in (numpy.float32, numpy.float64, numpy.int64):
            raise TypeError(f"{name} is {array.dtype}")
        if name in self.tensors:
            raise ValueError(f"two tensors named {name}")
        # A copy in C order, whatever view the tensor was; ascontiguousarray would turn a scalar into rank 1.
        self.tensors[name] = array.copy(order="C")

    def write(self, path: Path) -> None:
        save_file(self.tensors, path, metadata={"cases": json.dumps(self.cases, separators=(",", ":"))})


def in_both_precisions(inputs: dict, compute) -> dict:
    """`inputs` as they are, and `compute(inputs)` in each precision under the names `f32.<result>` and `f64.<result>`.

    `compute` gets fresh tensors; floating ones are converted, and only those.
    """
    return in_precisions(["f32", "f64"], inputs, compute)


def in_double_precision(inputs: dict, compute) -> dict:
    """As `in_both_precisions`, for topics where the result that stands for the exact one is all that is needed."""
    return in_precisions(["f64"], inputs, compute)


def in_precisions(tags: list, inputs: dict, compute) -> dict:
    tensors = dict(inputs)
    for tag in tags:
        for name, result in compute(converted(inputs, PRECISIONS[tag])).items():
            tensors[f"{tag}.{name}"] = result
    return tensors


def converted(inputs: dict, dtype: torch.dtype) -> dict:
    """Fresh tensors of the inputs, floating ones as `dtype`."""
    tensors = {name: torch.from_numpy(array.copy()) for name, array in inputs.items()}
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def random_source(*key) -> numpy.random.Generator:
    """A generator seeded by names, so that one more case leaves the numbers of the others alone."""
    return numpy.random.Generator(numpy.random.PCG64(zlib.crc32("/".join(map(str, key)).encode())))


def normal(source: numpy.random.Generator, shape, mean=0.0, deviation=1.0) -> numpy.ndarray:
    """Normal draws as float32; `mean` and `deviation` broadcast against `shape`."""
    return (mean + deviation * source.standard_normal(shape)).astype(numpy.float32)


def scalar(value: torch.Tensor) -> torch.Tensor:
    """A scalar as a tensor of shape [1]."""
    return value.detach().reshape(1)


def hashed(name: str, shape, bound: float, offset: float = 0.0) -> torch.Tensor:
    """Hashed numbers around an offset, rounded to float32, in double precision."""
    return torch.from_numpy(hashed_values(name, shape, bound) + numpy.float32(offset)).double()


def digest(name: str, result: torch.Tensor) -> list:
    """Two sums of all elements, each times a hashed number: a wrong element or a wrong order shows in both."""
    if result.dtype != torch.float64:
        raise TypeError(f"{name} is {result.dtype}")
    values = result.detach().contiguous().numpy()
    weights = [hashed_values(f"{name}.{stream}", values.shape).astype(numpy.float64) for stream in ("first", "second")]
    return [math.fsum((values * weights).flat) for weights in weights]
