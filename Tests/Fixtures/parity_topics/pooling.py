"""Pooling of images, forward and backward: maxima, with ties and NaN among them, and means."""

import numpy
import torch
import torch.nn.functional as F

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, pooling, shape, size=None, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), count_include_pad=None,
         distribution="ordinary", ceil_mode=None):
    """A case as it stands in the file; heights come before widths."""
    settings = {
        "name": name, "pooling": pooling, "shape": list(shape), "size": size, "stride": list(stride),
        "padding": list(padding), "dilation": list(dilation), "count_include_pad": count_include_pad,
        "distribution": distribution,
    }
    return settings if ceil_mode is None else settings | {"ceil_mode": ceil_mode}


def cases() -> Fixture:
    result = Fixture()
    for name, shape, size, options in [
        ("2x2_stride2", [2, 6, 8, 3], [2, 2], {"stride": [2, 2]}),
        ("2x2_stride2_odd", [3, 5, 7, 5], [2, 2], {"stride": [2, 2]}),
        ("3x3_stride2_padding1", [2, 7, 6, 4], [3, 3], {"stride": [2, 2], "padding": [1, 1]}),
        ("3x3_overlapping", [2, 5, 6, 3], [3, 3], {"padding": [1, 1]}),
        ("3x2_uneven", [2, 8, 7, 3], [3, 2], {"stride": [2, 3], "padding": [0, 1]}),
        ("1x4", [1, 3, 9, 7], [1, 4], {"stride": [1, 3], "padding": [0, 2]}),
        ("1x1_stride3", [2, 7, 5, 2], [1, 1], {"stride": [3, 3]}),
        ("whole_image", [2, 4, 5, 6], [4, 5], {}),
        ("stride_beyond_window", [2, 9, 8, 3], [2, 2], {"stride": [3, 4]}),
    ]:
        add(result, case(f"max_{name}", "max", shape, size, **options))
        for counts in [True, False]:
            add(result, case(
                f"average_{name}" + ("" if counts else "_without_padding"), "average", shape, size,
                count_include_pad=counts, **options))
    add(result, case("max_dilation2", "max", [2, 7, 8, 3], [3, 3], dilation=[2, 2]))
    add(result, case(
        "max_dilation_uneven", "max", [2, 9, 7, 3], [3, 2], stride=[2, 1], padding=[1, 1], dilation=[2, 3]))
    for distribution in ["ties", "nan", "infinite"]:
        add(result, case(
            f"max_{distribution}", "max", [2, 7, 6, 5], [3, 3], stride=[2, 1], padding=[1, 1],
            distribution=distribution))
    for name, shape, size, options in [
        ("3x3_stride2", [2, 6, 8, 3], [3, 3], {"stride": [2, 2]}),
        ("2x2_stride2_odd", [1, 5, 6, 4], [2, 2], {"stride": [2, 2]}),
        ("3x3_padding1", [2, 6, 5, 3], [3, 3], {"stride": [2, 3], "padding": [1, 1]}),
        ("smaller_than_window", [2, 2, 5, 3], [3, 2], {"stride": [2, 2]}),
        ("none_begins_behind", [1, 4, 5, 5], [2, 3], {"stride": [3, 3], "padding": [1, 1]}),
        ("stride_beyond_window", [2, 7, 6, 1], [2, 2], {"stride": [4, 3]}),
    ]:
        add(result, case(f"max_{name}_ceil", "max", shape, size, ceil_mode=True, **options))
        for counts in [True, False]:
            add(result, case(
                f"average_{name}_ceil" + ("" if counts else "_without_padding"), "average", shape, size,
                count_include_pad=counts, ceil_mode=True, **options))
    add(result, case(
        "max_dilation2_ceil", "max", [2, 8, 7, 3], [3, 2], stride=[2, 3], padding=[1, 0], dilation=[2, 2], ceil_mode=True))
    for shape in [[1, 1, 1, 1], [2, 5, 3, 7], [3, 8, 8, 4]]:
        add(result, case("global_" + "x".join(map(str, shape)), "global", shape))
    return result


def draw(settings: dict, source: numpy.random.Generator) -> numpy.ndarray:
    shape = settings["shape"]
    if settings["distribution"] == "ties":
        return source.integers(-1, 2, shape).astype(numpy.float32)
    x = normal(source, shape)
    if settings["distribution"] == "nan":
        x[source.random(shape) < 0.2] = numpy.nan
    if settings["distribution"] == "infinite":
        # Whole windows of -∞, and some of ∞.
        x[0] = -numpy.inf
        x[1][source.random(shape[1:]) < 0.2] = numpy.inf
    return x


def add(result: Fixture, settings: dict) -> None:
    source = random_source("pooling", settings["name"])
    shape = settings["shape"]
    is_global = settings["pooling"] == "global"
    x = draw(settings, source)
    pooled = pool(settings, torch.from_numpy(x).permute(0, 3, 1, 2)).shape
    inputs = {
        "x": x,
        "dy": normal(source, [shape[0], shape[3]] if is_global else [shape[0], *pooled[2:], shape[3]]),
    }

    def results(inputs):
        x = inputs["x"].requires_grad_()
        y = pool(settings, x.permute(0, 3, 1, 2).contiguous())
        y = y.flatten(1) if is_global else y.permute(0, 2, 3, 1)
        y.backward(inputs["dy"])
        return {"y": y, "dx": x.grad}

    result.add_case(settings, in_double_precision(inputs, results))


def pool(settings: dict, x: torch.Tensor) -> torch.Tensor:
    if settings["pooling"] == "global":
        return F.adaptive_avg_pool2d(x, 1)
    options = {name: settings[name] for name in ["stride", "padding"]} | {"ceil_mode": settings.get("ceil_mode", False)}
    if settings["pooling"] == "max":
        return F.max_pool2d(x, settings["size"], dilation=settings["dilation"], **options)
    return F.avg_pool2d(x, settings["size"], count_include_pad=settings["count_include_pad"], **options)
