"""Iterative whitening (IterNorm) after the formulas of Huang and others (2019): training, gradients, running statistics, inference."""

import torch

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, shape, groups, *, iterations=5, epsilon=1e-5, affine=True, mean=0.5, weight=0.1):
    return {
        "name": name, "shape": list(shape), "groups": groups, "iterations": iterations, "epsilon": epsilon,
        "affine": affine, "mean": mean, "weight": weight,
    }


CASES = [
    case("rows_one_channel", [7, 1], 1),
    case("rows", [33, 5], 1),
    case("rows_groups", [33, 6], 3),
    case("rows_a_channel_a_group", [17, 4], 4),
    case("no_iterations", [19, 4], 1, iterations=0),
    case("one_iteration", [19, 4], 2, iterations=1),
    case("three_iterations", [19, 4], 2, iterations=3),
    case("nine_iterations", [19, 3], 1, iterations=9),
    case("large_epsilon", [21, 5], 1, epsilon=1e-1),
    case("fewer_rows_than_channels", [4, 7], 1, epsilon=1e-2),
    case("two_rows", [2, 3], 1, epsilon=1e-1),
    case("not_affine", [23, 4], 2, affine=False),
    case("signal", [3, 9, 4], 2),
    case("images", [2, 5, 3, 6], 2),
    case("images_one_group", [3, 4, 5, 7], 1),
    case("images_one_pixel", [13, 1, 1, 4], 1),
    case("images_one_sample", [1, 6, 5, 3], 1),
    case("rank5", [2, 2, 3, 3, 4], 2),
    case("large_mean", [37, 5], 1, mean=500.0),
    case("signal_of_one_channel", [5, 7, 1], 1),
    case("odd_groups", [41, 9], 3),
    case("other_weight", [29, 6], 2, weight=0.5),
]


def cases() -> Fixture:
    result = Fixture()
    for settings in CASES:
        add(result, settings)
    return result


def whitened(x, settings):
    """The centred rows by groups, their mean, and the whitening matrices."""
    groups = settings["groups"]
    width = x.shape[-1] // groups
    rows = x.reshape(-1, groups, width).permute(1, 2, 0)
    mean = rows.mean(-1, keepdim=True)
    centred = rows - mean
    unit = torch.eye(width, dtype=x.dtype).expand(groups, width, width)
    covariance = centred @ centred.transpose(1, 2) / rows.shape[-1] + settings["epsilon"] * unit
    trace = covariance.diagonal(dim1=1, dim2=2).sum(-1)[:, None, None]
    root = unit
    for _ in range(settings["iterations"]):
        root = 1.5 * root - 0.5 * torch.linalg.matrix_power(root, 3) @ (covariance / trace)
    return centred, mean, root / trace.sqrt()


def add(result: Fixture, settings: dict) -> None:
    source = random_source("whitening", settings["name"])
    shape = settings["shape"]
    channels = shape[-1]
    # Channels that have to do with each other.
    mixing = source.standard_normal([channels, channels])
    x = source.standard_normal(shape) @ mixing + settings["mean"]
    inputs = {"x": x.astype("float32"), "dy": normal(source, shape), "inference.x": normal(source, [3] + shape[1:])}
    inputs["inference.x"] += settings["mean"]
    if settings["affine"]:
        inputs |= {"weight": normal(source, [channels], 1, 0.3), "bias": normal(source, [channels])}

    def results(inputs):
        x = inputs["x"].requires_grad_()
        gamma = inputs["weight"].requires_grad_() if settings["affine"] else 1
        beta = inputs["bias"].requires_grad_() if settings["affine"] else 0
        centred, mean, whitening = whitened(x, settings)
        y = (whitening @ centred).permute(2, 0, 1).reshape(shape) * gamma + beta
        y.backward(inputs["dy"])
        found = {"y": y.detach(), "dx": x.grad}
        if settings["affine"]:
            found |= {"dweight": gamma.grad, "dbias": beta.grad}
        weight = settings["weight"]
        with torch.no_grad():
            running_mean = weight * mean
            running_whitening = (1 - weight) * torch.eye(whitening.shape[1], dtype=x.dtype) + weight * whitening
            found |= {"running_mean": running_mean.reshape(-1), "running_wm": running_whitening}
            other = inputs["inference.x"].reshape(-1, *running_mean.shape[:2]).permute(1, 2, 0) - running_mean
            found["inference.y"] = (running_whitening @ other).permute(2, 0, 1).reshape(inputs["inference.x"].shape) * gamma + beta
        return found

    result.add_case(settings, in_double_precision(inputs, results))
