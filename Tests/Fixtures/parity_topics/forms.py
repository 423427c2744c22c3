"""The forms of normalization, those of `NormalizationForm.swift` by their names there: PyTorch's and timm's layers where
they have them, else the formulas of the papers in double precision.

Needs timm, of which only the normalizations are loaded: its models need torchvision.
"""

import math

import torch
import torch.nn.functional as F

from .fixture import Fixture, hashed
from .timm_parts import timm_part

SHAPES = [
    [1, 1], [1, 5], [7, 1], [4, 7], [13, 3], [6, 33], [3, 1, 4], [1, 1, 9], [2, 3, 5], [4, 6, 1], [2, 9, 8], [5, 2, 17],
    [2, 3, 2, 6], [2, 3, 1, 1], [1, 7, 3, 10], [5, 1, 1, 6], [3, 4, 5, 2], [2, 5, 3, 3], [1, 3, 3, 34], [1, 2, 2, 15],
    [2, 2, 3, 2, 4], [1, 3, 1, 2, 7],
]
# For what some of the others leave undefined.
MORE_SHAPES = [
    [2, 7, 5], [3, 2, 6], [1, 5, 19], [2, 3, 4, 3], [1, 5, 2, 7], [4, 5, 3, 9], [3, 3, 3, 1], [2, 2, 2, 2, 2], [9, 2, 3],
    [2, 1, 6, 13],
]


def groups(channels: int) -> int:
    return next((count for count in (3, 2) if channels % count == 0), 1)


def first(x):
    """Any shape [N, …, C] as images [N, C, P, 1]."""
    return x.movedim(-1, 1).reshape(x.shape[0], x.shape[-1], -1, 1)


def last(y, shape):
    return y.reshape(shape[0], shape[-1], *shape[1:-1]).movedim(1, -1)


def through(module):
    """A function of x and parameters by a module for images, whose parameters have their names."""
    def function(x, parameters):
        y = torch.func.functional_call(module, parameters, (first(x),))
        return last(y, x.shape)
    return function


def rms(x, axes, epsilon=1e-3):
    return x / (x.square().mean(axes, keepdim=True) + epsilon).sqrt()


def rms_partial(x, p):
    count = math.ceil(0.4 * x.shape[-1])
    return x / (x[..., :count].square().mean(-1, keepdim=True) + 1e-3).sqrt() * p["weight"]


def rms_group(x, count):
    images = first(x)
    return last(rms(images.reshape(x.shape[0], count, -1), -1).reshape(images.shape), x.shape)


def mean_variance(x, axes):
    centred = x - x.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True).sqrt() + 1e-9)


def evonorm_b0_linear(x, p):
    axes = tuple(range(x.dim() - 1))
    variance = (x - x.mean(axes)).square().mean(axes)
    return x / (variance + 1e-3).sqrt() * p["weight"] + p["bias"]


def evonorm_s0_linear(x, p):
    grouped = first(x).reshape(x.shape[0], groups(x.shape[-1]), -1)
    variance = (grouped - grouped.mean(-1, keepdim=True)).square().mean(-1, keepdim=True)
    y = last((grouped / (variance + 1e-3).sqrt()).reshape(first(x).shape), x.shape)
    return y * p["weight"] + p["bias"]


def local_response(size):
    return lambda x, p: last(F.local_response_norm(first(x), size, alpha=0.8, beta=0.7, k=1.5), x.shape)


def form(name: str, channels: int):
    """The names and lengths of a form's parameters, and its function or its module, which keeps statistics."""
    affine = {"weight": channels, "bias": channels}
    match name:
        case "rms":
            return {"weight": channels}, lambda x, p: F.rms_norm(x, [channels], p["weight"])
        case "rmsOnePlus":
            return {"weight": channels}, lambda x, p: rms(x, -1) * (1 + p["weight"])
        case "rmsPartial":
            return {"weight": channels}, rms_partial
        case "rmsGroup":
            return affine, lambda x, p: rms_group(x, groups(channels)) * p["weight"] + p["bias"]
        case "rmsOneGroup":
            return {}, lambda x, p: rms_group(x, 1)
        case "instance":
            return affine, torch.nn.InstanceNorm2d(channels, eps=1e-3, affine=True, track_running_stats=True)
        case "grn":
            return affine, through(timm_part("layers.grn").GlobalResponseNorm(channels, channels_last=False))
        case "dyt":
            return affine | {"alpha": 1}, lambda x, p: torch.tanh(p["alpha"] * x) * p["weight"] + p["bias"]
        case "frn" | "frnLinear":
            layer = timm_part("layers.filter_response_norm").FilterResponseNormTlu2d
            module = layer(channels, apply_act=name == "frn", eps=1e-3)
            return affine | ({"tau": channels} if name == "frn" else {}), through(module)
        case "evonormB0":
            return affine | {"v": channels}, timm_part("layers.evo_norm").EvoNorm2dB0(channels, eps=1e-3)
        case "evonormB0Linear":
            return affine, evonorm_b0_linear
        case "evonormS0":
            module = timm_part("layers.evo_norm").EvoNorm2dS0(channels, groups=groups(channels), eps=1e-3)
            return affine | {"v": channels}, through(module)
        case "evonormS0Linear":
            return affine, evonorm_s0_linear
        case "lrn":
            return {}, local_response(3)
        case "evenLRN":
            return {}, local_response(4)
        case "meanVariance":
            return {}, lambda x, p: mean_variance(x, (0, 1))
        case "meanVarianceOfChannels":
            return {}, lambda x, p: mean_variance(x, (-1,))
        case "l1":
            return {}, lambda x, p: F.normalize(x, p=1, dim=1)
        case "l2":
            return {}, lambda x, p: F.normalize(x, p=2, dim=-1)
        case "scale":
            return {"scale": 1}, lambda x, p: p["scale"] * x / (x.square().sum(-1, keepdim=True) + 1e-10).sqrt()


FORMS = ["rms", "rmsOnePlus", "rmsPartial", "rmsGroup", "rmsOneGroup", "instance", "grn", "dyt", "frn", "frnLinear",
         "evonormB0", "evonormB0Linear", "evonormS0", "evonormS0Linear", "lrn", "evenLRN", "meanVariance",
         "meanVarianceOfChannels", "l1", "l2", "scale"]


def is_defined(name: str, shape: list) -> bool:
    """One value has no variance, and PyTorch no gradient of its root; two may be so near to each other that 1e-9 counts."""
    counts = {"instance": math.prod(shape[1:-1]), "evonormB0": math.prod(shape[:-1]),
              "meanVariance": math.prod(shape[:2]) - 1, "meanVarianceOfChannels": shape[-1] - 1}
    return counts.get(name, 2) >= 2


def cases() -> Fixture:
    result = Fixture()
    # timm takes its statistics in single precision, whatever the numbers are.
    single = torch.Tensor.float
    torch.Tensor.float = lambda self: self
    for name in FORMS:
        defined = [shape for shape in SHAPES + MORE_SHAPES if is_defined(name, shape)]
        for shape in defined[:len(SHAPES)]:
            settings = {"name": f"{name}_{'x'.join(map(str, shape))}", "form": name, "shape": shape}
            result.add_digested_case(settings, results(settings))
    torch.Tensor.float = single
    return result


def results(settings: dict) -> dict:
    case, shape = settings["name"], settings["shape"]
    lengths, function = form(settings["form"], shape[-1])
    x, dy = hashed(f"{case}.x", shape, 2, 0.5).requires_grad_(), hashed(f"{case}.dy", shape, 1)
    parameters = {
        name: hashed(f"{case}.{name}", [length], 0.5, 0.75).requires_grad_() for name, length in lengths.items()}
    tensors = {}
    if isinstance(function, torch.nn.Module):
        module = function.double().train()
        for parameter, value in parameters.items():
            setattr(module, parameter, torch.nn.Parameter(value.detach()))
        parameters = dict(module.named_parameters())
        y = module(first(x))
        # In order: of one sample, PyTorch's instance normalization takes a gradient channels last for one channels first.
        y.backward(first(dy).contiguous())
        y = last(y, shape)
        tensors |= {name: value for name, value in module.named_buffers() if name.startswith("running")}
        tensors["served"] = last(module.eval()(first(x)), shape)
    else:
        y = function(x, parameters)
        y.backward(dy)
    return {"y": y, "dx": x.grad} | tensors | {f"d{name}": value.grad for name, value in parameters.items()}
