"""Normalizations whose gamma and beta come of a condition: FiLM, conditional batch norm, AdaIN and SPADE, forward and backward.

Built of PyTorch's modules after the papers' formulas, with the names that Norma's layers have."""

import torch
from torch import nn
from torch.nn import functional

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, kind, shape, condition, *, epsilon=1e-5, hidden=0, window=0, mean=0.5):
    """`kind` is `film`, `classes`, `vector`, `style`, `adain` or `spade`; `condition` the shape of what is given beside x."""
    return {
        "name": name, "kind": kind, "shape": list(shape), "condition": list(condition), "epsilon": epsilon,
        "hidden": hidden, "window": window, "mean": mean,
    }


CASES = [
    case("film_rows", "film", [5, 7], [5, 3]),
    case("film_signal", "film", [2, 5, 3], [2, 4]),
    case("film_images", "film", [3, 3, 5, 4], [3, 6]),
    case("film_one_channel", "film", [2, 3, 3, 1], [2, 1]),
    case("classes_rows", "classes", [9, 5], [9]),
    case("classes_images", "classes", [4, 3, 5, 3], [4]),
    case("classes_column", "classes", [6, 3, 4], [6, 1]),
    case("classes_large_mean", "classes", [7, 3, 2, 3], [7], mean=100.0),
    case("vector_rows", "vector", [9, 5], [9, 3]),
    case("vector_images", "vector", [3, 4, 3, 5], [3, 7]),
    case("vector_one_channel", "vector", [3, 4, 5, 1], [3, 2]),
    case("style_images", "style", [2, 5, 3, 4], [2, 6]),
    case("style_signal", "style", [3, 7, 2], [3, 3], epsilon=1e-3),
    case("adain_same_size", "adain", [2, 4, 5, 3], [2, 4, 5, 3]),
    case("adain_other_size", "adain", [2, 3, 3, 5], [2, 7, 4, 5]),
    case("adain_one_channel", "adain", [1, 5, 5, 1], [1, 3, 4, 1], epsilon=1e-3),
    case("adain_signal", "adain", [3, 6, 4], [3, 5, 4]),
    case("adain_large_mean", "adain", [2, 4, 4, 3], [2, 4, 4, 3], mean=100.0),
    case("spade_same_size", "spade", [2, 4, 5, 3], [2, 4, 5, 2], hidden=4, window=3),
    case("spade_larger_map", "spade", [2, 3, 4, 4], [2, 7, 8, 3], hidden=5, window=3),
    case("spade_smaller_map", "spade", [2, 5, 6, 2], [2, 2, 3, 1], hidden=3, window=1),
    case("spade_one_channel", "spade", [3, 5, 3, 1], [3, 4, 4, 2], hidden=3, window=5),
]
CLASSES = 4


class Sequence(nn.Module):
    """Modulation for samples of one kind: channels first inside."""

    def __init__(self, settings: dict):
        super().__init__()
        kind, channels, condition = settings["kind"], settings["shape"][-1], settings["condition"][-1]
        self.kind = kind
        if kind in ["classes", "vector", "spade"]:
            self.norm = nn.BatchNorm1d(channels, settings["epsilon"], affine=False)
        elif kind == "style":
            self.norm = nn.InstanceNorm1d(channels, settings["epsilon"])
        if kind == "classes":
            self.scale, self.shift = (nn.Sequential(nn.Embedding(CLASSES, channels)) for _ in range(2))
        elif kind == "spade":
            hidden, window = settings["hidden"], settings["window"]
            self.shared = nn.Sequential(nn.Conv2d(condition, hidden, window, padding=window // 2), nn.ReLU())
            self.scale, self.shift = (nn.Conv2d(hidden, channels, window, padding=window // 2) for _ in range(2))
        else:
            self.scale, self.shift = (nn.Linear(condition, channels, kind != "vector") for _ in range(2))

    def forward(self, x, condition):
        """x `[N, …, C]`."""
        rows = x.movedim(-1, 1)
        if self.kind == "spade":
            condition = self.shared(functional.interpolate(condition.movedim(-1, 1), size=rows.shape[2:]))
        scale, shift = self.scale(condition), self.shift(condition)
        if self.kind == "classes":
            scale, shift = scale.flatten(1), shift.flatten(1)
        else:
            scale = 1 + scale
        if self.kind != "film":
            flat = rows.reshape(rows.shape[0], rows.shape[1], -1)
            rows = self.norm(flat).reshape(rows.shape)
        if self.kind != "spade":
            axes = [1] * (rows.dim() - 2)
            scale, shift = scale.reshape(*scale.shape, *axes), shift.reshape(*shift.shape, *axes)
        return (rows * scale + shift).movedim(1, -1)


def adain(x, style, epsilon):
    def statistics(x):
        axes = tuple(range(1, x.dim() - 1))
        mean = x.mean(axes, keepdim=True)
        return mean, ((x - mean).square().mean(axes, keepdim=True) + epsilon).sqrt()

    (mean, deviation), (new_mean, new_deviation) = statistics(x), statistics(style)
    return new_deviation * (x - mean) / deviation + new_mean


def cases() -> Fixture:
    result = Fixture()
    for settings in CASES:
        add(result, settings)
    return result


def add(result: Fixture, settings: dict) -> None:
    source = random_source("conditioned", settings["name"])
    kind, shape = settings["kind"], settings["shape"]
    inputs = {"x": normal(source, shape, settings["mean"], 1.5), "dy": normal(source, shape)}
    if kind == "classes":
        inputs["condition"] = source.integers(0, CLASSES, settings["condition"])
    else:
        inputs["condition"] = normal(source, settings["condition"], settings["mean"] if kind == "adain" else 0, 1)
    names = []
    if kind != "adain":
        for name, parameter in Sequence(settings).named_parameters():
            names.append(name)
            inputs[name] = normal(source, parameter.shape, 0, 0.5)

    def results(inputs):
        x = inputs["x"].requires_grad_()
        condition = inputs["condition"]
        if condition.is_floating_point():
            condition.requires_grad_()
        if kind == "adain":
            y = adain(x, condition, settings["epsilon"])
            parameters = {}
        else:
            module = Sequence(settings).double().train()
            parameters = dict(module.named_parameters())
            for name in names:
                parameters[name].data = inputs[name]
            y = module(x, condition)
        y.backward(inputs["dy"])
        found = {"y": y.detach(), "dx": x.grad}
        if condition.grad is not None:
            found["dcondition"] = condition.grad
        return found | {f"d{name}": parameter.grad for name, parameter in parameters.items()}

    result.add_case(settings, in_double_precision(inputs, results))
