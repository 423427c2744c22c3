"""RMS normalization over the last axis, forward and backward."""

import torch

from .fixture import Fixture, in_both_precisions, normal, random_source


def case(name, shape, *, epsilon=1e-5, affine=True, mean=0.5):
    return {"name": name, "shape": list(shape), "epsilon": epsilon, "affine": affine, "mean": mean}


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("n1_c1", [1, 1]),
        case("n4_c5", [4, 5]),
        case("n33_c17", [33, 17]),
        case("n50_c100", [50, 100]),
        case("rank4", [2, 3, 5, 7]),
        case("affine_off", [33, 7], affine=False),
        case("epsilon_1e-3", [13, 5], epsilon=1e-3),
        case("large_mean", [6, 65], mean=1e4),
    ]:
        source = random_source("rms_norm", settings["name"])
        shape = settings["shape"]
        inputs = {"x": normal(source, shape, settings["mean"], 2.0), "dy": normal(source, shape)}
        if settings["affine"]:
            inputs["gamma"] = normal(source, shape[-1:], 1.0, 0.5)
        result.add_case(settings, in_both_precisions(inputs, lambda inputs: results(settings, inputs)))
    return result


def results(settings: dict, inputs: dict) -> dict:
    x = inputs["x"].requires_grad_()
    module = torch.nn.RMSNorm(
        settings["shape"][-1], eps=settings["epsilon"], elementwise_affine=settings["affine"], dtype=x.dtype)
    if settings["affine"]:
        module.weight.data = inputs["gamma"]
    y = module(x)
    y.backward(inputs["dy"])
    tensors = {"y": y.detach(), "dx": x.grad}
    if settings["affine"]:
        tensors["dgamma"] = module.weight.grad
    return tensors
