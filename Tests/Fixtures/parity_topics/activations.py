"""Activation functions, forward and backward."""

import numpy
import torch
import torch.nn.functional as F

from .fixture import Fixture, in_both_precisions, normal, random_source

FUNCTIONS = {
    "relu": (None, torch.relu),
    "leaky_relu_0_01": (0.01, lambda x: F.leaky_relu(x, 0.01)),
    "leaky_relu_0_2": (0.2, lambda x: F.leaky_relu(x, 0.2)),
    "sigmoid": (None, torch.sigmoid),
    "tanh": (None, torch.tanh),
}

# From the smallest normal Float to nearly the largest, past where exp and tanh leave Float's range, and both zeros.
MAGNITUDES = [0, 1.2e-38, 1e-20, 1e-7, 1e-4, 0.5, 1, 5, 9.1, 16.7, 20, 44, 87, 88.8, 89, 104, 710, 1e4, 1e20, 3e38]


def cases() -> Fixture:
    result = Fixture()
    extreme = numpy.array([sign * magnitude for magnitude in MAGNITUDES for sign in (1, -1)], dtype=numpy.float32)
    for function in FUNCTIONS:
        for name, shape in [("one", [1, 1]), ("odd", [33, 17]), ("rank4", [2, 3, 5, 7])]:
            source = random_source("activations", function, name)
            add(result, function, name, normal(source, shape, 0, 2), normal(source, shape))
        source = random_source("activations", function, "extreme")
        add(result, function, "extreme", extreme, normal(source, extreme.shape))
        infinite = numpy.array([numpy.inf, -numpy.inf], dtype=numpy.float32)
        add(result, function, "infinite", infinite, numpy.array([1, 1], dtype=numpy.float32))
        # What a gradient should be at NaN nobody says: forward only.
        add(result, function, "nan", numpy.array([1, numpy.nan, -1], dtype=numpy.float32), None)
    return result


def add(result: Fixture, function: str, name: str, x: numpy.ndarray, dy: numpy.ndarray | None) -> None:
    slope, compute = FUNCTIONS[function]
    settings = {
        "name": f"{function}_{name}", "function": "leaky_relu" if slope is not None else function, "slope": slope,
        "shape": list(x.shape), "backward": dy is not None,
    }
    inputs = {"x": x} if dy is None else {"x": x, "dy": dy}

    def results(inputs):
        x = inputs["x"].requires_grad_()
        y = compute(x)
        if "dy" not in inputs:
            return {"y": y}
        y.backward(inputs["dy"])
        return {"y": y, "dx": x.grad}

    result.add_case(settings, in_both_precisions(inputs, results))
