"""Convolution of images, forward and all gradients."""

import torch.nn.functional as F

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, shape, outputs, size, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, bias=True):
    """A case as it stands in the file; heights come before widths."""
    return {
        "name": name, "shape": list(shape), "outputs": outputs, "size": list(size), "stride": list(stride),
        "padding": list(padding), "dilation": list(dilation), "groups": groups, "bias": bias,
    }


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("one_value", [1, 1, 1, 1], 1, [1, 1]),
        case("1x1", [2, 5, 3, 7], 5, [1, 1]),
        case("1x1_stride2", [2, 5, 6, 3], 4, [1, 1], stride=[2, 2], bias=False),
        case("1x1_stride3_padding1", [1, 4, 5, 2], 3, [1, 1], stride=[3, 3], padding=[1, 1]),
        case("3x3", [2, 5, 7, 3], 4, [3, 3]),
        case("3x3_padding1", [3, 5, 4, 5], 7, [3, 3], padding=[1, 1]),
        case("3x3_padding1_no_bias", [1, 5, 3, 16], 17, [3, 3], padding=[1, 1], bias=False),
        case("3x3_padding1_stride2", [2, 7, 6, 3], 5, [3, 3], stride=[2, 2], padding=[1, 1]),
        case("3x3_padding1_stride2_even", [2, 8, 8, 4], 6, [3, 3], stride=[2, 2], padding=[1, 1], bias=False),
        case("3x3_padding3", [2, 2, 3, 3], 2, [3, 3], padding=[3, 3]),
        case("3x3_dilation2", [2, 7, 8, 3], 4, [3, 3], dilation=[2, 2]),
        case("3x3_dilation2_padding2", [1, 5, 6, 5], 3, [3, 3], padding=[2, 2], dilation=[2, 2]),
        case("3x3_dilation3_stride2", [2, 9, 10, 2], 3, [3, 3], stride=[2, 2], padding=[1, 2], dilation=[3, 3]),
        case("2x2_stride2", [3, 6, 7, 3], 5, [2, 2], stride=[2, 2]),
        case("2x3_uneven", [2, 7, 9, 3], 4, [2, 3], stride=[2, 3], padding=[1, 0], dilation=[1, 2]),
        case("3x2_uneven", [2, 8, 6, 2], 3, [3, 2], stride=[1, 2], padding=[0, 1], dilation=[2, 1]),
        case("1x5", [2, 3, 9, 3], 4, [1, 5], padding=[0, 2]),
        case("5x1", [2, 9, 3, 3], 4, [5, 1], padding=[2, 0]),
        case("5x5_padding2", [1, 7, 6, 3], 4, [5, 5], padding=[2, 2]),
        case("7x7_stride2_padding3", [1, 11, 9, 3], 4, [7, 7], stride=[2, 2], padding=[3, 3], bias=False),
        case("stride_beyond_window", [2, 9, 8, 3], 3, [2, 2], stride=[3, 4]),
        case("whole_image", [3, 4, 5, 3], 6, [4, 5]),
        case("2_groups", [2, 5, 4, 6], 4, [3, 3], padding=[1, 1], groups=2),
        case("3_groups_stride2", [2, 7, 5, 9], 15, [3, 3], stride=[2, 2], padding=[1, 1], groups=3, bias=False),
        case("4_groups_1x1", [2, 3, 5, 8], 12, [1, 1], groups=4),
        case("2_groups_dilation2", [1, 7, 6, 10], 6, [3, 2], padding=[2, 1], dilation=[2, 2], groups=2),
        case("depthwise", [2, 5, 6, 7], 7, [3, 3], padding=[1, 1], groups=7),
        case("depthwise_no_bias_stride2", [2, 7, 5, 5], 5, [3, 3], stride=[2, 2], padding=[1, 1], groups=5, bias=False),
        case("depthwise_multiplier", [2, 5, 6, 3], 6, [3, 3], padding=[1, 1], groups=3),
        case("depthwise_5x3_dilation2", [1, 9, 7, 4], 4, [5, 3], padding=[4, 2], dilation=[2, 2], groups=4),
        case("many_channels", [1, 2, 3, 37], 18, [3, 3], padding=[1, 1], bias=False),
    ]:
        add(result, settings)
    return result


def add(result: Fixture, settings: dict) -> None:
    source = random_source("convolution", settings["name"])
    batch, height, width, channels = settings["shape"]
    options = {name: settings[name] for name in ["stride", "padding", "dilation", "groups"]}
    extent = [
        (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1
        for length, size, stride, padding, dilation in zip(
            [height, width], settings["size"], settings["stride"], settings["padding"], settings["dilation"])]
    inputs = {
        "x": normal(source, settings["shape"]),
        "dy": normal(source, [batch, *extent, settings["outputs"]]),
        "weight": normal(source, [settings["outputs"], channels // settings["groups"], *settings["size"]]),
    }
    if settings["bias"]:
        inputs["bias"] = normal(source, [settings["outputs"]])

    def results(inputs):
        parameters = {name: tensor.requires_grad_() for name, tensor in inputs.items() if name != "dy"}
        x = parameters["x"].permute(0, 3, 1, 2).contiguous()
        y = F.conv2d(x, parameters["weight"], parameters.get("bias"), **options).permute(0, 2, 3, 1)
        y.backward(inputs["dy"])
        return {"y": y} | {f"d{name}": tensor.grad for name, tensor in parameters.items()}

    result.add_case(settings, in_double_precision(inputs, results))
