"""Group and instance normalization, forward and backward, in both layouts."""

import numpy
import torch

from .batch_norm import RELU_MARGIN
from .fixture import Fixture, converted, in_both_precisions, normal, random_source

INSTANCE_MODULES = {3: torch.nn.InstanceNorm1d, 4: torch.nn.InstanceNorm2d, 5: torch.nn.InstanceNorm3d}


def case(name, shape, groups, *, layout="channels_last", epsilon=1e-5, affine=True, distribution="ordinary",
         relu=False, module="group"):
    """A case as it stands in the file; `module` says which of PyTorch's modules computed it."""
    return {
        "name": name, "shape": list(shape), "groups": groups, "layout": layout, "epsilon": epsilon, "affine": affine,
        "distribution": distribution, "relu": relu, "module": module,
    }


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("n4_c6", [4, 6], 3),
        case("n3_c7_one_group", [3, 7], 1),
        case("rank3", [5, 4, 6], 2),
        case("rank4", [3, 5, 7, 6], 3),
        case("rank4_c34", [2, 7, 3, 34], 17),
        case("rank4_c66", [2, 3, 5, 66], 6),
        case("rank4_one_group", [3, 3, 5, 7], 1),
        case("rank4_one_sample", [1, 5, 7, 10], 5),
        case("rank5", [2, 3, 2, 4, 6], 2),
        case("rank3_nchw", [5, 6, 7], 3, layout="NCHW"),
        case("rank4_nchw", [3, 15, 5, 7], 5, layout="NCHW"),
        case("rank4_nchw_one_group", [3, 7, 5, 3], 1, layout="NCHW"),
        case("rank5_nchw", [2, 6, 3, 2, 5], 2, layout="NCHW"),
        case("large_mean", [3, 5, 7, 6], 3, distribution="large_mean"),
        case("large_mean_nchw", [3, 6, 5, 7], 3, layout="NCHW", distribution="large_mean"),
        case("constant_group", [3, 3, 5, 4], 2, distribution="constant_group"),
        case("affine_off", [3, 5, 7, 6], 2, affine=False),
        case("affine_off_nchw", [3, 6, 5, 7], 2, layout="NCHW", affine=False),
        case("epsilon_1e-3", [3, 5, 3, 4], 2, epsilon=1e-3),
        case("relu", [3, 5, 7, 6], 3, relu=True),
        case("relu_nchw", [3, 6, 5, 7], 3, layout="NCHW", relu=True),
        case("instance_rank3", [5, 4, 3], 3, module="instance"),
        case("instance_rank4", [3, 5, 7, 5], 5, module="instance"),
        case("instance_rank4_nchw", [3, 5, 7, 5], 5, layout="NCHW", module="instance"),
        case("instance_affine_off_nchw", [2, 7, 3, 5], 7, layout="NCHW", affine=False, module="instance"),
        case("instance_rank5", [2, 3, 2, 4, 5], 5, affine=False, module="instance"),
        case("instance_two_places", [3, 2, 4], 4, epsilon=1e-2, module="instance"),
        case("instance_one_channel", [3, 5, 7, 1], 1, module="instance"),
        case("instance_one_sample", [1, 7, 3], 3, module="instance"),
        case("instance_wide", [1, 3, 2, 34], 34, module="instance"),
        case("instance_narrow", [2, 9, 1, 3], 3, module="instance"),
        case("instance_epsilon_1e-3", [3, 3, 4, 5], 5, epsilon=1e-3, module="instance"),
        case("instance_affine_off", [4, 6, 3], 3, affine=False, module="instance"),
        case("instance_rank3_nchw", [5, 3, 7], 3, layout="NCHW", module="instance"),
        case("instance_one_channel_nchw", [4, 1, 3, 5], 1, layout="NCHW", module="instance"),
        case("instance_one_sample_nchw", [1, 9, 5, 3], 9, layout="NCHW", module="instance"),
        case("instance_rank5_nchw", [2, 3, 2, 3, 2], 3, layout="NCHW", module="instance"),
        case("instance_epsilon_0_5_nchw", [3, 7, 5], 7, layout="NCHW", epsilon=0.5, module="instance"),
        case("instance_relu_nchw", [3, 5, 3, 3], 5, layout="NCHW", relu=True, module="instance"),
        case("instance_large_mean", [2, 3, 5, 6], 6, distribution="large_mean", module="instance"),
        case("instance_large_mean_nchw", [2, 6, 3, 5], 6, layout="NCHW", distribution="large_mean", module="instance"),
        case("one_channel", [3, 5, 1], 1),
        case("one_channel_nchw", [3, 1, 5], 1, layout="NCHW"),
        case("one_place", [5, 1, 1, 6], 2),
        case("instance_relu", [3, 5, 7, 5], 5, relu=True, module="instance"),
    ]:
        inputs = make_inputs(settings)
        result.add_case(settings, in_both_precisions(inputs, lambda inputs: results(settings, inputs)))
    return result


def make_inputs(settings: dict) -> dict:
    for attempt in range(1000):
        inputs = draw_inputs(settings, random_source("group_norm", settings["name"], attempt))
        if not settings["relu"]:
            return inputs
        without_relu = results(settings | {"relu": False}, converted(inputs, torch.float64))
        if without_relu["y"].abs().min().item() > RELU_MARGIN:
            return inputs
    raise RuntimeError(f"{settings['name']}: no inputs that keep clear of ReLU's corner")


def draw_inputs(settings: dict, source) -> dict:
    shape = settings["shape"]
    axis = 1 if settings["layout"] == "NCHW" else len(shape) - 1
    channels = shape[axis]
    per_channel = [channels if other == axis else 1 for other in range(len(shape))]
    mean, deviation = source.normal(0, 2, channels), source.uniform(0.5, 3, channels)
    if settings["distribution"] == "large_mean":
        # The two channels of a group differ by little, so the group's deviation is small beside its mean.
        mean, deviation = numpy.array([1e3, 1e3 + 1, -1e3, -1e3, 3e2, 3e2]), numpy.array([1, 0.5, 0.3, 1, 0.1, 0.1])
    x = normal(source, shape, mean.reshape(per_channel), deviation.reshape(per_channel))
    if settings["distribution"] == "constant_group":
        x[1, ..., :channels // settings["groups"]] = 3.7
    inputs = {"x": x, "dy": normal(source, shape)}
    if settings["affine"]:
        inputs |= {"gamma": normal(source, [channels], 1.0, 0.5), "beta": normal(source, [channels])}
    return inputs


def results(settings: dict, inputs: dict) -> dict:
    x = inputs["x"].requires_grad_()
    module = make_module(settings, inputs)
    is_first = settings["layout"] == "NCHW"
    # In order: PyTorch's own channels-last path loses digits of dx with the square of mean / deviation, and of one sample its
    # instance normalization takes a gradient channels last for one channels first.
    y = module(x if is_first else x.movedim(-1, 1).contiguous())
    if settings["relu"]:
        y = torch.relu(y)
    y.backward(inputs["dy"] if is_first else inputs["dy"].movedim(-1, 1).contiguous())
    y = y if is_first else y.movedim(1, -1)
    tensors = {"y": y, "dx": x.grad}
    if settings["affine"]:
        tensors |= {"dgamma": module.weight.grad, "dbeta": module.bias.grad}
    return tensors


def make_module(settings: dict, inputs: dict) -> torch.nn.Module:
    shape = settings["shape"]
    channels = shape[1] if settings["layout"] == "NCHW" else shape[-1]
    options = {"eps": settings["epsilon"], "affine": settings["affine"], "dtype": inputs["x"].dtype}
    if settings["module"] == "instance":
        module = INSTANCE_MODULES[len(shape)](channels, **options)
    else:
        module = torch.nn.GroupNorm(settings["groups"], channels, **options)
    if settings["affine"]:
        module.weight.data = inputs["gamma"]
        module.bias.data = inputs["beta"]
    return module
