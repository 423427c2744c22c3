"""Batch normalization by other moments than those of the whole batch: rows with weights, ghost batches, renormalization.

Rows that count the same go through `torch.nn.functional.batch_norm` as a batch of their own; the others, and renormalization, are
written after their definitions and differentiated by autograd.
"""

import numpy
import torch

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, shape, *, layout="channels_last", weights=None, rank=1, ghosts=None, renormalization=None, epsilon=1e-5,
         mean=0.0, affine=True):
    """`weights` is "mask" or "uneven", over so many of the first axes; `ghosts` the size of ghost batches; `renormalization` the
    bounds of r and d."""
    return {
        "name": name, "shape": list(shape), "layout": layout, "weights": weights, "rank": rank, "ghosts": ghosts,
        "renormalization": renormalization, "epsilon": epsilon, "mean": mean, "affine": affine,
    }


def cases() -> Fixture:
    listed = [
        case("mask_rows", [9, 5], weights="mask"),
        case("mask_one_channel", [7, 1], weights="mask"),
        case("mask_wide", [11, 70], weights="mask"),
        case("mask_samples", [6, 5, 3], weights="mask"),
        case("mask_places", [5, 7, 4], weights="mask", rank=2),
        case("mask_places_of_images", [3, 4, 5, 6], weights="mask", rank=3),
        case("mask_lines_of_images", [3, 4, 5, 2], weights="mask", rank=2),
        case("mask_large_mean", [5, 11, 3], weights="mask", rank=2, mean=1000.0),
        case("mask_samples_nchw", [7, 3, 4], layout="NCHW", weights="mask"),
        case("mask_places_nchw", [4, 5, 3, 7], layout="NCHW", weights="mask", rank=3),
        case("mask_plain", [9, 5], weights="mask", affine=False),
        case("uneven_rows", [13, 5], weights="uneven"),
        case("uneven_one_channel", [11, 1], weights="uneven"),
        case("uneven_samples", [6, 3, 4], weights="uneven"),
        case("uneven_places", [4, 9, 3], weights="uneven", rank=2),
        case("uneven_wide", [7, 65], weights="uneven", mean=1000.0),
        case("uneven_places_nchw", [3, 5, 7], layout="NCHW", weights="uneven", rank=2),
        case("uneven_samples_nchw", [7, 2, 3, 3], layout="NCHW", weights="uneven"),
        case("ghosts_of_four", [12, 5], ghosts=4),
        case("ghosts_nearly_equal", [11, 3], ghosts=4),
        case("ghosts_of_images", [6, 3, 5, 4], ghosts=2),
        case("ghosts_nchw", [6, 3, 4], layout="NCHW", ghosts=3),
        case("ghosts_one_channel", [9, 1], ghosts=3, mean=1000.0),
        case("ghosts_of_masked_places", [6, 7, 3], ghosts=3, weights="mask", rank=2),
        case("ghosts_of_uneven_rows", [12, 4], ghosts=6, weights="uneven"),
        case("renormalized", [9, 5], renormalization=[3.0, 5.0]),
        case("renormalized_within_bounds", [9, 5], renormalization=[1.1, 0.05]),
        case("renormalized_one_channel", [7, 1], renormalization=[2.0, 1.0]),
        case("renormalized_without_bounds", [5, 3, 4], renormalization=[1e9, 1e9]),
        case("renormalized_not_yet", [5, 3, 4], renormalization=[1.0, 0.0]),
        case("renormalized_nchw", [4, 3, 5], layout="NCHW", renormalization=[1.5, 0.5]),
        case("renormalized_plain", [11, 4], renormalization=[1.5, 0.5], affine=False),
        case("renormalized_masked_ghosts", [8, 5, 3], renormalization=[1.2, 0.3], ghosts=4, weights="mask", rank=2),
    ]
    result = Fixture()
    for settings in listed:
        inputs = make_inputs(settings)
        result.add_case(settings, in_double_precision(inputs, lambda values: compute(settings, values)))
    return result


def make_inputs(settings) -> dict:
    random = random_source("statistics", settings["name"])
    shape, channels_first = settings["shape"], settings["layout"] == "NCHW"
    channels = shape[1] if channels_first else shape[-1]
    inputs = {
        "x": normal(random, shape) + numpy.float32(settings["mean"]), "dy": normal(random, shape),
        "running_mean": 0.3 * normal(random, [channels]) + numpy.float32(settings["mean"]),
        "running_var": numpy.exp(0.3 * normal(random, [channels])),
    }
    if settings["affine"]:
        inputs["gamma"], inputs["beta"] = 1 + 0.3 * normal(random, [channels]), normal(random, [channels])
    if settings["weights"]:
        rows = [shape[0]] + shape[2:] if channels_first else shape[:-1]
        weighted = rows[:settings["rank"]]
        weights = (random.random(weighted) < 0.7).astype(numpy.float32)
        weights.flat[:2] = 1
        weights.flat[-2:] = [0, 1]
        if settings["weights"] == "uneven":
            weights *= random.uniform(0.2, 2, weighted).astype(numpy.float32)
        inputs["weights"] = weights
    return {name: numpy.asarray(value, dtype=numpy.float32) for name, value in inputs.items()}


def compute(settings, inputs) -> dict:
    x = inputs["x"].requires_grad_()
    leaves = [x]
    channels_last = x.movedim(1, -1) if settings["layout"] == "NCHW" else x
    channels = channels_last.shape[-1]
    gamma = inputs.get("gamma", torch.ones(channels, dtype=x.dtype))
    beta = inputs.get("beta", torch.zeros(channels, dtype=x.dtype))
    leaves += [gamma.requires_grad_(), beta.requires_grad_()]
    samples = x.shape[0]
    rows = channels_last.reshape(samples, -1, channels)
    weights = inputs.get("weights", torch.ones(samples, dtype=x.dtype))
    repeats = samples * rows.shape[1] // weights.numel()
    weights = weights.reshape(-1, 1).expand(-1, repeats).reshape(samples, -1)

    parts = 1 if settings["ghosts"] is None else -(-samples // settings["ghosts"])
    pieces = []
    for part in range(parts):
        some = slice(part * samples // parts, (part + 1) * samples // parts)
        values, counts = rows[some].reshape(-1, channels), weights[some].reshape(-1)
        kept = counts > 0
        output = torch.zeros_like(values)
        output[kept] = normalized(settings, values[kept], counts[kept], gamma, beta, inputs)
        pieces.append(output.reshape(rows[some].shape))
    y = torch.cat(pieces).reshape(channels_last.shape)
    if settings["layout"] == "NCHW":
        y = y.movedim(-1, 1)
    gradients = torch.autograd.grad(y, leaves, inputs["dy"])

    # Running statistics, after one batch that weighs 0.1.
    values, counts = rows.detach().reshape(-1, channels), weights.reshape(-1)
    total = counts.sum()
    mean = (counts[:, None] * values).sum(0) / total
    unbiased = (counts[:, None] * (values - mean) ** 2).sum(0) / (total - (counts ** 2).sum() / total)
    results = {
        "y": y, "dx": gradients[0], "running_mean": 0.9 * inputs["running_mean"] + 0.1 * mean,
        "running_var": 0.9 * inputs["running_var"] + 0.1 * unbiased,
    }
    if settings["affine"]:
        results["dgamma"], results["dbeta"] = gradients[1], gradients[2]
    return results


def normalized(settings, values, counts, gamma, beta, inputs):
    bounds, epsilon = settings["renormalization"], settings["epsilon"]
    if bounds is None and bool((counts == counts[0]).all()):
        return torch.nn.functional.batch_norm(values, None, None, gamma, beta, training=True, eps=epsilon)
    shares = counts[:, None] / counts.sum()
    mean = (shares * values).sum(0)
    deviation = ((shares * (values - mean) ** 2).sum(0) + epsilon).sqrt()
    result = (values - mean) / deviation
    if bounds is not None:
        # Ioffe 2017, algorithm 1: r and d are constants.
        running = (inputs["running_var"] + epsilon).sqrt()
        ratio = (deviation / running).clamp(1 / bounds[0], bounds[0]).detach()
        distance = ((mean - inputs["running_mean"]) / running).clamp(-bounds[1], bounds[1]).detach()
        result = result * ratio + distance
    return result * gamma + beta
