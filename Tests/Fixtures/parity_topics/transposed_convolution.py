"""Transposed convolution of images, forward and all gradients."""

import torch.nn.functional as F

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, shape, outputs, size, *, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), dilation=(1, 1), groups=1,
         bias=True):
    """A case as it stands in the file; heights come before widths."""
    return {
        "name": name, "shape": list(shape), "outputs": outputs, "size": list(size), "stride": list(stride),
        "padding": list(padding), "output_padding": list(output_padding), "dilation": list(dilation), "groups": groups,
        "bias": bias,
    }


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("one_value", [1, 1, 1, 1], 1, [1, 1]),
        case("1x1", [2, 3, 5, 4], 3, [1, 1]),
        case("1x1_stride2", [2, 3, 4, 3], 2, [1, 1], stride=[2, 2], bias=False),
        case("2x2_stride2", [3, 3, 4, 5], 3, [2, 2], stride=[2, 2]),
        case("3x3", [2, 4, 5, 3], 4, [3, 3]),
        case("3x3_padding2", [2, 4, 5, 3], 4, [3, 3], padding=[2, 2]),
        case("3x3_stride2_padding1", [2, 4, 3, 5], 3, [3, 3], stride=[2, 2], padding=[1, 1]),
        case("3x3_stride2_padding1_output1", [2, 4, 3, 5], 3, [3, 3], stride=[2, 2], padding=[1, 1], output_padding=[1, 1]),
        case("4x4_stride2_padding1", [2, 4, 4, 6], 5, [4, 4], stride=[2, 2], padding=[1, 1], bias=False),
        case("3x2_uneven", [2, 3, 4, 3], 4, [3, 2], stride=[2, 3], padding=[1, 0], output_padding=[1, 2], dilation=[1, 2]),
        case("3x3_dilation2", [1, 4, 5, 3], 2, [3, 3], padding=[1, 2], dilation=[2, 2]),
        case("output_padding_beyond_stride", [2, 3, 4, 3], 2, [3, 3], padding=[2, 1], output_padding=[2, 1], dilation=[3, 2]),
        case("output_padding_beyond_stride2", [1, 3, 3, 2], 4, [2, 3], stride=[2, 2], padding=[3, 2], output_padding=[3, 4],
             dilation=[4, 5]),
        case("stride_beyond_window", [2, 3, 4, 3], 2, [2, 2], stride=[3, 4]),
        case("2_groups", [2, 4, 3, 6], 4, [3, 3], padding=[1, 1], groups=2),
        case("3_groups_stride2", [1, 3, 4, 6], 9, [3, 2], stride=[2, 2], padding=[1, 0], output_padding=[1, 0], groups=3,
             bias=False),
        case("depthwise", [2, 3, 4, 5], 5, [3, 3], stride=[2, 1], padding=[1, 1], groups=5),
        case("depthwise_multiplier", [1, 3, 4, 3], 6, [3, 3], groups=3),
        case("many_channels", [1, 2, 3, 17], 18, [3, 3], padding=[1, 1]),
    ]:
        add(result, settings)
    return result


def add(result: Fixture, settings: dict) -> None:
    source = random_source("transposed_convolution", settings["name"])
    batch, height, width, channels = settings["shape"]
    options = {name: settings[name] for name in ["stride", "padding", "output_padding", "dilation", "groups"]}
    extent = [
        (length - 1) * stride - 2 * padding + dilation * (size - 1) + more + 1
        for length, size, stride, padding, more, dilation in zip(
            [height, width], *(settings[name] for name in ["size", "stride", "padding", "output_padding", "dilation"]))]
    inputs = {
        "x": normal(source, settings["shape"]),
        "dy": normal(source, [batch, *extent, settings["outputs"]]),
        "weight": normal(source, [channels, settings["outputs"] // settings["groups"], *settings["size"]]),
    }
    if settings["bias"]:
        inputs["bias"] = normal(source, [settings["outputs"]])

    def results(inputs):
        parameters = {name: tensor.requires_grad_() for name, tensor in inputs.items() if name != "dy"}
        x = parameters["x"].permute(0, 3, 1, 2).contiguous()
        y = F.conv_transpose2d(x, parameters["weight"], parameters.get("bias"), **options).permute(0, 2, 3, 1)
        y.backward(inputs["dy"])
        return {"y": y} | {f"d{name}": tensor.grad for name, tensor in parameters.items()}

    result.add_case(settings, in_double_precision(inputs, results))
