"""Batch normalization by other moments than those of the whole batch: rows with weights, ghost batches, renormalization.

Rows that count the same go through `torch.nn.functional.batch_norm` as a batch of their own; the others, and renormalization, are
written after their definitions and differentiated by autograd.
"""

import numpy
import torch

from .fixture import Fixture, hashed
from .hashed_numbers import hashed_values


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
        case("mask_few_rows", [3, 2], weights="mask"),
        case("mask_one_place", [8, 1, 3], weights="mask", rank=2),
        case("mask_one_sample", [1, 9, 4], weights="mask", rank=2),
        case("mask_of_one_channel_places", [3, 5, 1], weights="mask", rank=2, epsilon=1e-3),
        case("mask_rank5", [2, 3, 2, 3, 4], weights="mask", rank=4),
        case("mask_large_epsilon", [17, 3], weights="mask", epsilon=0.5),
        case("mask_large_mean_nchw", [5, 3, 4, 3], layout="NCHW", weights="mask", rank=3, mean=1000.0),
        case("mask_lines_nchw", [3, 4, 5, 2], layout="NCHW", weights="mask", rank=2),
        case("mask_one_channel_nchw", [5, 1, 6], layout="NCHW", weights="mask", rank=2),
        case("mask_many_rows", [130, 3], weights="mask"),
        case("uneven_rows", [13, 5], weights="uneven"),
        case("uneven_one_channel", [11, 1], weights="uneven"),
        case("uneven_samples", [6, 3, 4], weights="uneven"),
        case("uneven_places", [4, 9, 3], weights="uneven", rank=2),
        case("uneven_wide", [7, 65], weights="uneven", mean=1000.0),
        case("uneven_places_nchw", [3, 5, 7], layout="NCHW", weights="uneven", rank=2),
        case("uneven_samples_nchw", [7, 2, 3, 3], layout="NCHW", weights="uneven"),
        case("uneven_few_rows", [3, 4], weights="uneven"),
        case("uneven_one_place", [9, 1, 3], weights="uneven", rank=2),
        case("uneven_one_sample", [1, 11, 2], weights="uneven", rank=2),
        case("uneven_places_of_images", [2, 3, 5, 4], weights="uneven", rank=3),
        case("uneven_lines_of_images", [3, 5, 2, 3], weights="uneven", rank=2, epsilon=1e-3),
        case("uneven_rank5", [2, 2, 3, 2, 5], weights="uneven", rank=4),
        case("uneven_plain", [14, 3], weights="uneven", affine=False),
        case("uneven_large_epsilon", [15, 2], weights="uneven", epsilon=0.5),
        case("uneven_large_mean_nchw", [6, 3, 5], layout="NCHW", weights="uneven", rank=2, mean=1000.0),
        case("uneven_one_channel_nchw", [4, 1, 5], layout="NCHW", weights="uneven", rank=2),
        case("uneven_lines_nchw", [2, 3, 5, 3], layout="NCHW", weights="uneven", rank=2),
        case("uneven_samples_of_one_channel", [9, 2, 1], weights="uneven"),
        case("uneven_many_rows", [131, 2], weights="uneven"),
        case("ghosts_of_four", [12, 5], ghosts=4),
        case("ghosts_nearly_equal", [11, 3], ghosts=4),
        case("ghosts_of_images", [6, 3, 5, 4], ghosts=2),
        case("ghosts_nchw", [6, 3, 4], layout="NCHW", ghosts=3),
        case("ghosts_one_channel", [9, 1], ghosts=3, mean=1000.0),
        case("ghosts_of_masked_places", [6, 7, 3], ghosts=3, weights="mask", rank=2),
        case("ghosts_of_uneven_rows", [12, 4], ghosts=6, weights="uneven"),
        case("ghosts_of_two", [10, 3], ghosts=2),
        case("ghosts_larger_than_the_batch", [5, 4], ghosts=9),
        case("ghosts_one_sample_each", [4, 7, 3], ghosts=1),
        case("ghosts_wide", [9, 70], ghosts=3),
        case("ghosts_of_signals", [7, 5, 2], ghosts=3),
        case("ghosts_one_place", [8, 1, 1, 6], ghosts=4),
        case("ghosts_rank5", [4, 2, 3, 2, 3], ghosts=2, epsilon=1e-3),
        case("ghosts_plain", [13, 5], ghosts=5, affine=False),
        case("ghosts_large_epsilon", [8, 3], ghosts=4, epsilon=0.5),
        case("ghosts_large_mean_nchw", [6, 5, 3, 3], layout="NCHW", ghosts=2, mean=1000.0),
        case("ghosts_nearly_equal_nchw", [7, 2, 5], layout="NCHW", ghosts=3),
        case("ghosts_one_channel_nchw", [4, 1, 7], layout="NCHW", ghosts=2),
        case("ghosts_of_masked_samples_nchw", [9, 3, 4], layout="NCHW", ghosts=5, weights="mask"),
        case("renormalized", [9, 5], renormalization=[3.0, 5.0]),
        case("renormalized_within_bounds", [9, 5], renormalization=[1.1, 0.05]),
        case("renormalized_one_channel", [7, 1], renormalization=[2.0, 1.0]),
        case("renormalized_without_bounds", [5, 3, 4], renormalization=[1e9, 1e9]),
        case("renormalized_not_yet", [5, 3, 4], renormalization=[1.0, 0.0]),
        case("renormalized_nchw", [4, 3, 5], layout="NCHW", renormalization=[1.5, 0.5]),
        case("renormalized_plain", [11, 4], renormalization=[1.5, 0.5], affine=False),
        case("renormalized_few_rows", [2, 3], renormalization=[3.0, 5.0]),
        case("renormalized_wide", [5, 70], renormalization=[1.2, 0.3]),
        case("renormalized_images", [2, 3, 5, 4], renormalization=[1.1, 0.2]),
        case("renormalized_one_place", [9, 1, 1, 3], renormalization=[1.5, 0.1]),
        case("renormalized_one_sample", [1, 7, 4], renormalization=[1.5, 0.5]),
        case("renormalized_rank5", [2, 2, 3, 2, 3], renormalization=[1.3, 0.4], epsilon=1e-3),
        case("renormalized_large_epsilon", [9, 4], renormalization=[1.1, 0.2], epsilon=0.5),
        case("renormalized_large_mean", [11, 5], renormalization=[1.5, 0.5], mean=1000.0),
        case("renormalized_ratio_alone", [9, 5], renormalization=[2.0, 0.0]),
        case("renormalized_distance_alone", [9, 5], renormalization=[1.0, 2.0]),
        case("renormalized_one_channel_nchw", [3, 1, 7], layout="NCHW", renormalization=[1.2, 0.3]),
        case("renormalized_images_nchw", [3, 5, 4, 3], layout="NCHW", renormalization=[1.2, 0.3]),
        case("renormalized_uneven", [13, 3], renormalization=[1.2, 0.3], weights="uneven"),
        case("renormalized_masked_places_nchw", [4, 3, 5], layout="NCHW", renormalization=[1.2, 0.3], weights="mask", rank=2),
        case("renormalized_masked_ghosts", [8, 5, 3], renormalization=[1.2, 0.3], ghosts=4, weights="mask", rank=2),
    ]
    result = Fixture()
    for settings in listed:
        result.add_digested_case(settings, compute(settings, make_inputs(settings)))
    return result


def make_inputs(settings) -> dict:
    name, shape, channels_first = settings["name"], settings["shape"], settings["layout"] == "NCHW"
    channels = shape[1] if channels_first else shape[-1]
    inputs = {
        "x": hashed(f"{name}.x", shape, 1.75, settings["mean"]), "dy": hashed(f"{name}.dy", shape, 1.75),
        "running_mean": hashed(f"{name}.running_mean", [channels], 0.5, settings["mean"]),
        "running_var": hashed(f"{name}.running_var", [channels], 0.5, 1),
    }
    if settings["affine"]:
        inputs["gamma"] = hashed(f"{name}.gamma", [channels], 0.5, 1)
        inputs["beta"] = hashed(f"{name}.beta", [channels], 1)
    if settings["weights"]:
        rows = [shape[0]] + shape[2:] if channels_first else shape[:-1]
        weighted = rows[:settings["rank"]]
        weights = (hashed_values(f"{name}.mask", weighted) < 0.5).astype(numpy.float32)
        weights.flat[:2] = 1
        weights.flat[-2:] = [0, 1]
        if settings["weights"] == "uneven":
            weights *= hashed_values(f"{name}.weights", weighted, 0.875) + numpy.float32(1)
        inputs["weights"] = torch.from_numpy(weights).double()
    return inputs


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
