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
        case("n7_c1", [7, 1]),
        case("n1_c9", [1, 9]),
        case("n2_c2", [2, 2]),
        case("n3_c64", [3, 64]),
        case("n2_c131", [2, 131]),
        case("rank3", [3, 5, 7]),
        case("rank3_one_place", [4, 1, 6]),
        case("rank3_one_channel", [2, 5, 1]),
        case("rank4_one_place", [5, 1, 1, 3]),
        case("rank5", [2, 2, 3, 2, 5]),
        case("affine_off_rank4", [2, 3, 2, 7], affine=False),
        case("epsilon_0_5", [9, 11], epsilon=0.5),
        case("epsilon_1e-3_large_mean", [4, 13], epsilon=1e-3, mean=1e3),
        case("affine_off_one_channel", [5, 1], affine=False, epsilon=1e-2),
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
