"""Adaptive gradient clipping, timm's, and plain steps after it."""

import torch

from .fixture import Fixture, in_double_precision, normal, random_source
from .timm_parts import timm_part

LEARNING_RATE = 0.5


def cases() -> Fixture:
    result = Fixture()
    for name, shape, share, epsilon, weights, gradients in [
        ("linear", [7, 5], 0.01, 1e-3, 1.0, 0.5),
        ("loose", [7, 5], 0.5, 1e-3, 1.0, 0.5),
        ("nothing_clipped", [4, 3], 100.0, 1e-3, 1.0, 1.0),
        ("convolution", [6, 3, 3, 2], 0.1, 1e-3, 0.3, 0.1),
        ("signal", [5, 4, 3], 0.2, 1e-2, 0.5, 0.2),
        ("transposed", [3, 4, 2, 2], 0.1, 1e-3, 1.0, 1.0),
        ("bias", [17], 0.05, 1e-3, 1.0, 0.2),
        ("gain", [6, 1, 1, 1], 0.05, 1e-3, 1.0, 0.05),
        ("one_number", [1], 0.05, 1e-3, 1.0, 0.5),
        ("one_unit", [1, 40], 0.05, 1e-3, 1.0, 0.5),
        ("small_weights", [5, 9], 0.3, 1.0, 0.01, 1.0),
        ("zero_weights", [4, 6], 0.1, 1e-3, 0.0, 1.0),
        ("zero_gradients", [4, 6], 0.1, 1e-3, 1.0, 0.0),
        ("one_input", [7, 1], 0.05, 1e-3, 1.0, 0.5),
        ("wide", [3, 131], 0.02, 1e-3, 1.0, 0.3),
        ("three_by_one", [5, 2, 3, 1], 0.1, 1e-3, 0.5, 0.3),
        ("one_channel", [4, 1, 3, 3], 0.1, 1e-3, 0.5, 0.5),
        ("one_filter", [1, 3, 2, 2], 0.1, 1e-3, 0.5, 0.5),
        ("volume", [2, 3, 2, 1, 2], 0.2, 1e-3, 0.5, 0.5),
        ("small_epsilon", [5, 4], 0.1, 1e-6, 1e-4, 1.0),
        ("large_gradients", [6, 5], 0.01, 1e-3, 1.0, 1e4),
        ("signal_of_one_channel", [3, 1, 5], 0.1, 1e-3, 1.0, 0.7),
    ]:
        source = random_source("clipping", name)
        settings = {"name": name, "shape": shape, "share": share, "epsilon": epsilon, "learning_rate": LEARNING_RATE}
        inputs = {"start": normal(source, shape, 0, weights), "gradient": normal(source, shape, 0, gradients)}

        def results(inputs):
            parameter = torch.nn.Parameter(inputs["start"])
            parameter.grad = inputs["gradient"].clone()
            timm_part("utils.agc").adaptive_clip_grad([parameter], clip_factor=share, eps=epsilon)
            return {"clipped": parameter.grad, "end": parameter.detach() - LEARNING_RATE * parameter.grad}

        result.add_case(settings, in_double_precision(inputs, results))
    return result
