"""Vectors by their indices, and squeeze and excitation: forward and all gradients."""

import torch
import torch.nn.functional as F

from .fixture import Fixture, in_double_precision, normal, random_source


def cases() -> Fixture:
    result = Fixture()
    for name, shape, count, width in [
        ("one", [1], 1, 1), ("rows", [3, 7], 5, 6), ("repeated", [4, 9], 2, 3), ("wide", [2, 3], 5, 70),
        ("three_axes", [2, 3, 4], 6, 5),
    ]:
        add_embedding(result, {"name": f"embedding_{name}", "operation": "embedding", "shape": shape, "count": count,
                               "width": width})
    for name, shape, ratio in [("image", [2, 5, 3, 8], 4), ("signal", [3, 7, 6], 2), ("odd", [2, 3, 4, 7], 16)]:
        add_squeeze_excitation(result, {"name": f"squeeze_excitation_{name}", "operation": "squeeze_excitation",
                                        "shape": shape, "count": max(1, shape[-1] // ratio), "width": ratio})
    return result


def add_embedding(result: Fixture, settings: dict) -> None:
    source = random_source("channels", settings["name"])
    inputs = {
        "x": source.integers(0, settings["count"], settings["shape"]).astype("float32"),
        "dy": normal(source, [*settings["shape"], settings["width"]]),
        "weight": normal(source, [settings["count"], settings["width"]]),
    }

    def results(inputs):
        weight = inputs["weight"].requires_grad_()
        y = F.embedding(inputs["x"].long(), weight)
        y.backward(inputs["dy"])
        return {"y": y, "dweight": weight.grad}

    result.add_case(settings, in_double_precision(inputs, results))


def add_squeeze_excitation(result: Fixture, settings: dict) -> None:
    source = random_source("channels", settings["name"])
    shape, count = settings["shape"], settings["count"]
    inputs = {
        "x": normal(source, shape), "dy": normal(source, shape),
        "weight1": normal(source, [count, shape[-1]]), "bias1": normal(source, [count], 1),
        "weight2": normal(source, [shape[-1], count]), "bias2": normal(source, [shape[-1]]),
    }

    def results(inputs):
        values = {name: tensor.requires_grad_() for name, tensor in inputs.items() if name != "dy"}
        x = values["x"]
        means = x.mean(dim=tuple(range(1, x.dim() - 1)))
        between = torch.relu(F.linear(means, values["weight1"], values["bias1"]))
        factors = torch.sigmoid(F.linear(between, values["weight2"], values["bias2"]))
        y = x * factors.reshape(shape[0], *[1] * (x.dim() - 2), shape[-1])
        y.backward(inputs["dy"])
        return {"y": y} | {f"d{name}": tensor.grad for name, tensor in values.items()}

    result.add_case(settings, in_double_precision(inputs, results))
