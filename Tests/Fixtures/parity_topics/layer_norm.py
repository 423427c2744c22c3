"""Layer normalization over the last axis, forward and backward."""

import numpy
import torch

from .fixture import Fixture, in_both_precisions, normal, random_source


def case(name, shape, *, epsilon=1e-5, affine=True, distribution="ordinary"):
    return {"name": name, "shape": list(shape), "epsilon": epsilon, "affine": affine, "distribution": distribution}


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("n1_c1", [1, 1]),
        case("n4_c1", [4, 1]),
        case("n1_c3", [1, 3]),
        case("n2_c2", [2, 2]),
        case("n4_c5", [4, 5]),
        case("n33_c17", [33, 17]),
        case("n50_c100", [50, 100]),
        case("rank3", [5, 4, 3]),
        case("rank4", [2, 3, 5, 7]),
        case("affine_off", [33, 7], affine=False),
        case("affine_off_rank3", [3, 5, 7], affine=False),
        case("affine_off_rank4", [2, 3, 4, 5], affine=False),
        case("epsilon_1e-3", [13, 5], epsilon=1e-3),
        case("large_mean", [6, 65], distribution="large_mean"),
        case("n1_c2", [1, 2]),
        case("n3_c64", [3, 64]),
        case("n2_c131", [2, 131]),
        case("rank3_one_place", [4, 1, 6]),
        case("rank3_one_channel", [2, 5, 1]),
        case("rank4_one_place", [5, 1, 1, 3]),
        case("rank5", [2, 2, 3, 2, 5]),
        case("epsilon_0_5", [9, 11], epsilon=0.5),
        case("affine_off_epsilon_1e-3", [5, 13], affine=False, epsilon=1e-3),
        case("constant_row", [4, 9], distribution="constant_row"),
    ]:
        inputs = make_inputs(settings)
        result.add_case(settings, in_both_precisions(inputs, lambda inputs: results(settings, inputs)))
    return result


def make_inputs(settings: dict) -> dict:
    source = random_source("layer_norm", settings["name"])
    shape = settings["shape"]
    x = normal(source, shape, 1.0, 2.0)
    if settings["distribution"] == "large_mean":
        means = numpy.array([[1e3], [1e3], [-1e3], [1e4], [1e4], [-1e4]])
        x = normal(source, shape, means, numpy.array([[0.1], [0.3], [1], [0.1], [0.3], [1]]))
    elif settings["distribution"] == "constant_row":
        x[1] = 3.7
    inputs = {"x": x, "dy": normal(source, shape)}
    if settings["affine"]:
        inputs |= {"gamma": normal(source, shape[-1:], 1.0, 0.5), "beta": normal(source, shape[-1:])}
    return inputs


def results(settings: dict, inputs: dict) -> dict:
    x = inputs["x"].requires_grad_()
    module = torch.nn.LayerNorm(
        settings["shape"][-1], eps=settings["epsilon"], elementwise_affine=settings["affine"], dtype=x.dtype)
    if settings["affine"]:
        module.weight.data = inputs["gamma"]
        module.bias.data = inputs["beta"]
    y = module(x)
    y.backward(inputs["dy"])
    tensors = {"y": y, "dx": x.grad}
    if settings["affine"]:
        tensors |= {"dgamma": module.weight.grad, "dbeta": module.bias.grad}
    return tensors
