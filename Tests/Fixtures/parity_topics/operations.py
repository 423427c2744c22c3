"""Everyday operations on images [N, H, W, C], forward and backward: those of `EverydayOperation.swift` by their names there, and
the activations over all magnitudes."""

import numpy
import torch
import torch.nn.functional as F

from .activations import MAGNITUDES
from .fixture import Fixture, in_double_precision, random_source
from .hashed_numbers import hashed_values


def first(x):
    return x.permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1)


def padded(x, width, height=(0, 0), **options):
    """Images padded along width and height as PyTorch pads them, with their channels first."""
    return last(F.pad(first(x), (*width, *height), **options))


def per_sample(x):
    return torch.sigmoid(x.mean(dim=(1, 2), keepdim=True)) + 0.9


def turned(x):
    return x.transpose(2, 3)


ACTIVATIONS = {
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "logarithmicSigmoid": F.logsigmoid,
    "mish": F.mish,
    "elu": F.elu,
    "steepELU": lambda x: F.elu(x, alpha=1.75),
    # F.hardsigmoid multiplies by a sixth in single precision, whatever the numbers are.
    "hardSigmoid": lambda x: F.relu6(2 * x + 3) / 6,
    "hardSwish": lambda x: F.hardswish(2 * x),
}

OPERATIONS = {
    "negated": lambda x: -x,
    "added": lambda x: x + 1.5,
    "addedTo": lambda x: 1.5 + x,
    "subtracted": lambda x: x - 1.5,
    "subtractedFrom": lambda x: 1.5 - x,
    "multiplied": lambda x: x * 3,
    "multipliedBy": lambda x: 3 * x,
    "divided": lambda x: x / 3,
    "dividing": lambda x: 3 / (x.square() + 0.5),
    "absolute": torch.abs,
    "cubed": lambda x: x**3,
    "inverseSquare": lambda x: (x.abs() + 0.5) ** -2,
    "rootedPower": lambda x: (x.abs() + 0.5) ** 1.7,
    "clamped": lambda x: x.clamp(-0.75, 1.25),
    **ACTIVATIONS,
    "product": lambda x: x @ turned(x),
    "productTransposingLeft": lambda x: turned(x) @ x,
    "productTransposingRight": lambda x: x @ turned(x),
    "productTransposingBoth": lambda x: turned(x) @ x,
    "transposed": lambda x: x.permute(0, 3, 1, 2),
    "slicedChannels": lambda x: x[..., 1:4],
    "slicedRows": lambda x: x[:, 1:3],
    "gatheredChannels": lambda x: x[..., [3, 0, 1, 0, 3, 3]],
    "gatheredColumns": lambda x: x[:, :, [2, 2, 1, 3]],
    "concatenatedChannels": lambda x: torch.cat([x, x[..., :2], 2 * x], dim=-1),
    "concatenatedRows": lambda x: torch.cat([x[:, 1:2], x], dim=1),
    "paddedChannels": lambda x: F.pad(x, (2, 1), value=0.5),
    "paddedRows": lambda x: padded(x, (0, 0), (0, 2)),
    "reflected": lambda x: padded(x, (0, 0), (2, 1), mode="reflect"),
    "replicated": lambda x: padded(x, (1, 3), mode="replicate"),
    "circular": lambda x: padded(x, (2, 4), mode="circular"),
    "pixelShuffled": lambda x: last(F.pixel_shuffle(first(x), 2)),
    "pixelUnshuffled": lambda x: last(F.pixel_unshuffle(first(x), 2)),
    "splitChannels": lambda x: x.unflatten(3, (2, -1)).transpose(3, 4).flatten(3),
    "sumOverRows": lambda x: x.sum(dim=1),
    "meanOverPositions": lambda x: x.mean(dim=(1, 2), keepdim=True),
    "sumOverChannels": lambda x: x.sum(dim=-1),
    "sumOverRowsAndChannels": lambda x: x.sum(dim=(1, 3)),
    "softmax": lambda x: x.softmax(-1),
    "logSoftmax": lambda x: x.log_softmax(-1),
    "logSumExp": lambda x: x.logsumexp(-1),
    "cumulativeRows": lambda x: x.cumsum(1),
    "cumulativeChannels": lambda x: x.cumsum(-1),
    "addedPerSample": lambda x: x + per_sample(x),
    "subtractedPerSample": lambda x: x - per_sample(x),
    "multipliedPerSample": lambda x: x * per_sample(x),
    "dividedPerSample": lambda x: x / per_sample(x),
}

# Of samples [3, 4, 5] or what is nearest to that.
SHAPES = {"pixelShuffled": [2, 3, 4, 20], "pixelUnshuffled": [2, 6, 8, 5], "splitChannels": [2, 3, 4, 10]}


def cases() -> Fixture:
    result = Fixture()
    for name, compute in OPERATIONS.items():
        shape = SHAPES.get(name, [2, 3, 4, 5])
        add(result, {"name": name, "operation": name, "shape": shape}, compute, hashed_values(f"{name}.x", shape, 2.0))
    extreme = numpy.array([sign * magnitude for magnitude in MAGNITUDES for sign in (1, -1)], dtype=numpy.float32)
    # Twice a number is to be one, too.
    extreme = numpy.clip(extreme, -1.5e38, 1.5e38).reshape(1, 1, 1, -1)
    result.add_tensor("extreme", extreme)
    for name, compute in ACTIVATIONS.items():
        settings = {"name": f"{name}_extreme", "operation": name, "shape": list(extreme.shape)}
        add(result, settings, compute, extreme)
    source = random_source("operations", "parametric ReLU")
    for channels in (1, 5):
        inputs = {
            "x": source.standard_normal((3, 4, 5)).astype(numpy.float32),
            "slope": source.standard_normal(channels).astype(numpy.float32),
            "dy": source.standard_normal((3, 4, 5)).astype(numpy.float32),
        }

        def results(inputs):
            x, slope = inputs["x"].requires_grad_(), inputs["slope"].requires_grad_()
            y = F.prelu(x.movedim(-1, 1), slope).movedim(1, -1)
            y.backward(inputs["dy"])
            return {"y": y, "dx": x.grad, "dslope": slope.grad}

        settings = {"name": f"prelu_{channels}", "operation": "prelu", "shape": [3, 4, 5]}
        result.add_case(settings, in_double_precision(inputs, results))
    return result


def add(result: Fixture, settings: dict, compute, x: numpy.ndarray) -> None:
    """A case whose inputs the tests make by themselves: `<name>.x` within ±2 and `<name>.dy` within ±1."""

    def results(inputs):
        x = inputs["x"].requires_grad_()
        y = compute(x)
        y.backward(torch.from_numpy(hashed_values(f"{settings['name']}.dy", list(y.shape))).double())
        return {"y": y, "dx": x.grad}

    tensors = in_double_precision({"x": x}, results)
    del tensors["x"]
    result.add_case(settings, tensors)
