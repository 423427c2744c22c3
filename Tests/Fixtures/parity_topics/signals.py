"""Convolution and pooling along signals, forward and all gradients."""

import torch.nn.functional as F

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, operation, shape, size, *, outputs=None, stride=1, padding=0, dilation=1, groups=1, bias=False,
         count_include_pad=None):
    """A case as it stands in the file."""
    return {
        "name": name, "operation": operation, "shape": list(shape), "outputs": outputs, "size": size, "stride": stride,
        "padding": padding, "dilation": dilation, "groups": groups, "bias": bias, "count_include_pad": count_include_pad,
    }


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("one_value", "convolution", [1, 1, 1], 1, outputs=1, bias=True),
        case("3_padding1", "convolution", [2, 7, 3], 3, outputs=4, padding=1, bias=True),
        case("4_stride3_padding2", "convolution", [3, 11, 2], 4, outputs=5, stride=3, padding=2),
        case("3_dilation3", "convolution", [2, 13, 3], 3, outputs=2, stride=2, padding=3, dilation=3, bias=True),
        case("2_groups", "convolution", [2, 9, 6], 5, outputs=4, padding=2, groups=2, bias=True),
        case("depthwise", "convolution", [2, 8, 5], 3, outputs=5, padding=1, groups=5),
        case("many_channels", "convolution", [1, 5, 17], 3, outputs=18, padding=1, bias=True),
        case("max_2_stride2", "max", [2, 7, 3], 2, stride=2),
        case("max_3_padding1_dilation2", "max", [2, 11, 3], 3, stride=2, padding=1, dilation=2),
        case("average_2_stride2", "average", [2, 7, 3], 2, stride=2, count_include_pad=True),
        case("average_5_padding2", "average", [3, 9, 2], 5, stride=3, padding=2, count_include_pad=True),
        case("average_5_padding2_without", "average", [3, 9, 2], 5, stride=3, padding=2, count_include_pad=False),
    ]:
        add(result, settings)
    return result


def add(result: Fixture, settings: dict) -> None:
    source = random_source("signals", settings["name"])
    batch, length, channels = settings["shape"]
    size, stride, padding, dilation = (settings[name] for name in ["size", "stride", "padding", "dilation"])
    extent = (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1
    inputs = {
        "x": normal(source, settings["shape"]),
        "dy": normal(source, [batch, extent, settings["outputs"] or channels]),
    }
    if settings["operation"] == "convolution":
        inputs["weight"] = normal(source, [settings["outputs"], channels // settings["groups"], size])
    if settings["bias"]:
        inputs["bias"] = normal(source, [settings["outputs"]])

    def results(inputs):
        parameters = {name: tensor.requires_grad_() for name, tensor in inputs.items() if name != "dy"}
        x = parameters["x"].permute(0, 2, 1).contiguous()
        if settings["operation"] == "convolution":
            y = F.conv1d(x, parameters["weight"], parameters.get("bias"), stride, padding, dilation, settings["groups"])
        elif settings["operation"] == "max":
            y = F.max_pool1d(x, size, stride, padding, dilation)
        else:
            y = F.avg_pool1d(x, size, stride, padding, count_include_pad=settings["count_include_pad"])
        y = y.permute(0, 2, 1)
        y.backward(inputs["dy"])
        return {"y": y} | {f"d{name}": tensor.grad for name, tensor in parameters.items()}

    result.add_case(settings, in_double_precision(inputs, results))
