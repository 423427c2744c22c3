"""Normalizations whose gamma and beta come of a condition: FiLM, conditional batch norm, AdaIN and SPADE, forward and backward.

Built of PyTorch's modules after the papers' formulas, with the names that Norma's layers have."""

import numpy
import torch
from torch import nn
from torch.nn import functional

from .fixture import Fixture, hashed
from .hashed_numbers import hashed_labels


def case(name, kind, shape, condition, *, epsilon=1e-5, hidden=0, window=0, mean=0.5):
    """`kind` is `film`, `classes`, `vector`, `style`, `adain` or `spade`; `condition` the shape of what is given beside x."""
    return {
        "name": name, "kind": kind, "shape": list(shape), "condition": list(condition), "epsilon": epsilon,
        "hidden": hidden, "window": window, "mean": mean,
    }


CASES = [
    case("film_rows", "film", [5, 7], [5, 3]),
    case("film_one_row", "film", [1, 4], [1, 2]),
    case("film_one_of_all", "film", [1, 1], [1, 1]),
    case("film_wide", "film", [3, 70], [3, 2]),
    case("film_wide_condition", "film", [4, 3], [4, 65]),
    case("film_many_rows", "film", [67, 2], [67, 3]),
    case("film_signal", "film", [2, 5, 3], [2, 4]),
    case("film_signal_one_place", "film", [4, 1, 5], [4, 3]),
    case("film_signal_one_channel", "film", [3, 7, 1], [3, 5]),
    case("film_signal_of_one", "film", [1, 9, 6], [1, 2]),
    case("film_signal_large_mean", "film", [2, 4, 3], [2, 3], mean=100.0),
    case("film_images", "film", [3, 3, 5, 4], [3, 6]),
    case("film_images_of_one_place", "film", [5, 1, 1, 3], [5, 2]),
    case("film_image", "film", [1, 5, 3, 7], [1, 4]),
    case("film_one_channel", "film", [2, 3, 3, 1], [2, 1]),
    case("film_narrow_images", "film", [2, 7, 1, 5], [2, 3]),
    case("film_odd_images", "film", [3, 2, 3, 9], [3, 7]),
    case("film_volumes", "film", [2, 2, 3, 2, 3], [2, 4]),
    case("film_volume_of_one_channel", "film", [1, 3, 1, 2, 1], [1, 3]),
    case("film_two_rows", "film", [2, 13], [2, 9]),
    *[case(f"{kind}_{name}", kind, shape, [shape[0]] + ([] if kind == "classes" else [width]), mean=mean)
      for kind in ["classes", "vector"]
      for name, shape, width, mean in [
          ("rows", [9, 5], 3, 0.5), ("two_rows", [2, 3], 1, 0.5), ("rows_of_one_channel", [7, 1], 4, 0.5),
          ("wide", [5, 70], 2, 0.5), ("many_rows", [67, 3], 5, 0.5), ("signal", [3, 5, 4], 6, 0.5),
          ("signal_one_place", [6, 1, 3], 2, 0.5), ("one_signal", [1, 9, 4], 3, 0.5),
          ("signal_of_one_channel", [4, 3, 1], 2, 0.5), ("signal_large_mean", [5, 4, 2], 3, 100.0),
          ("images", [4, 3, 5, 3], 7, 0.5), ("one_image", [1, 4, 3, 5], 2, 0.5),
          ("images_of_one_place", [8, 1, 1, 3], 4, 0.5), ("images_of_one_channel", [3, 4, 5, 1], 2, 0.5),
          ("narrow_images", [3, 7, 1, 2], 3, 0.5), ("odd_images", [2, 3, 3, 9], 5, 0.5),
          ("large_mean", [7, 3, 2, 3], 1, 100.0), ("volumes", [2, 2, 3, 2, 3], 4, 0.5),
          ("volumes_of_one_channel", [3, 2, 1, 2, 1], 2, 0.5), ("odd_rows", [11, 13], 3, 0.5),
      ]],
    case("classes_column", "classes", [6, 3, 4], [6, 1]),
    *[case(f"style_{name}", "style", shape, [shape[0], width], epsilon=epsilon, mean=mean)
      for name, shape, width, epsilon, mean in [
          ("images", [2, 5, 3, 4], 6, 1e-5, 0.5), ("image", [1, 3, 5, 3], 2, 1e-5, 0.5),
          ("two_places", [3, 1, 2, 4], 3, 1e-2, 0.5), ("one_channel", [3, 4, 3, 1], 2, 1e-5, 0.5),
          ("one_number", [1, 5, 5, 1], 1, 1e-3, 0.5), ("wide", [2, 3, 2, 70], 3, 1e-5, 0.5),
          ("wide_condition", [2, 3, 3, 2], 65, 1e-5, 0.5), ("narrow_images", [2, 7, 1, 5], 4, 1e-5, 0.5),
          ("large_epsilon", [3, 3, 4, 2], 2, 0.5, 0.5), ("large_mean", [2, 4, 5, 3], 3, 1e-5, 100.0),
          ("odd_images", [5, 3, 3, 7], 2, 1e-5, 0.5), ("large_images", [1, 9, 8, 2], 3, 1e-5, 0.5),
          ("signal", [3, 7, 2], 3, 1e-3, 0.5), ("one_signal", [1, 11, 3], 2, 1e-5, 0.5),
          ("signal_of_one_channel", [4, 5, 1], 3, 1e-5, 0.5), ("signal_of_two_places", [3, 2, 4], 2, 1e-2, 0.5),
          ("signal_large_mean", [2, 6, 3], 4, 1e-5, 100.0), ("many_signals", [9, 4, 5], 2, 1e-5, 0.5),
          ("volumes", [2, 2, 3, 2, 3], 4, 1e-5, 0.5), ("volume_of_one_channel", [1, 3, 2, 2, 1], 2, 1e-3, 0.5),
      ]],
    *[case(f"adain_{name}", "adain", shape, condition, epsilon=epsilon, mean=mean)
      for name, shape, condition, epsilon, mean in [
          ("same_size", [2, 4, 5, 3], [2, 4, 5, 3], 1e-5, 0.5), ("other_size", [2, 3, 3, 5], [2, 7, 4, 5], 1e-5, 0.5),
          ("one_channel", [1, 5, 5, 1], [1, 3, 4, 1], 1e-3, 0.5), ("wide", [2, 3, 2, 70], [2, 2, 3, 70], 1e-5, 0.5),
          ("one_place", [3, 1, 1, 4], [3, 2, 2, 4], 1e-2, 0.5), ("style_of_one_place", [3, 3, 2, 4], [3, 1, 1, 4], 1e-2, 0.5),
          ("two_places", [2, 1, 2, 3], [2, 2, 1, 3], 1e-2, 0.5), ("narrow", [2, 7, 1, 3], [2, 1, 5, 3], 1e-5, 0.5),
          ("large_epsilon", [3, 3, 4, 2], [3, 4, 3, 2], 0.5, 0.5), ("large_mean", [2, 4, 4, 3], [2, 4, 4, 3], 1e-5, 100.0),
          ("large_style", [1, 3, 3, 2], [1, 9, 8, 2], 1e-5, 0.5), ("large_content", [1, 9, 8, 2], [1, 3, 3, 2], 1e-5, 0.5),
          ("odd", [5, 3, 3, 7], [5, 2, 5, 7], 1e-5, 0.5), ("signal", [3, 6, 4], [3, 5, 4], 1e-5, 0.5),
          ("one_signal", [1, 11, 3], [1, 4, 3], 1e-5, 0.5), ("signal_of_one_channel", [4, 5, 1], [4, 3, 1], 1e-5, 0.5),
          ("signal_of_two_places", [3, 2, 4], [3, 3, 4], 1e-2, 0.5), ("many_signals", [9, 4, 5], [9, 7, 5], 1e-5, 0.5),
          ("signal_large_mean", [2, 6, 3], [2, 5, 3], 1e-5, 100.0), ("volumes", [2, 2, 3, 2, 3], [2, 3, 2, 2, 3], 1e-5, 0.5),
      ]],
    *[case(f"spade_{name}", "spade", shape, condition, hidden=hidden, window=window, mean=mean)
      for name, shape, condition, hidden, window, mean in [
          ("same_size", [2, 4, 5, 3], [2, 4, 5, 2], 4, 3, 0.5), ("larger_map", [2, 3, 4, 4], [2, 7, 8, 3], 5, 3, 0.5),
          ("smaller_map", [2, 5, 6, 2], [2, 2, 3, 1], 3, 1, 0.5), ("one_channel", [3, 5, 3, 1], [3, 4, 4, 2], 3, 5, 0.5),
          ("one_image", [1, 4, 3, 5], [1, 4, 3, 2], 2, 3, 0.5), ("one_place", [5, 1, 1, 3], [5, 1, 1, 2], 3, 3, 0.5),
          ("map_of_one_place", [2, 3, 4, 3], [2, 1, 1, 4], 3, 3, 0.5), ("one_hidden", [2, 3, 3, 4], [2, 3, 3, 2], 1, 3, 0.5),
          ("wide", [2, 2, 3, 33], [2, 3, 2, 2], 2, 1, 0.5), ("wide_map", [2, 3, 2, 2], [2, 3, 2, 17], 3, 1, 0.5),
          ("narrow", [2, 7, 1, 3], [2, 5, 1, 2], 2, 3, 0.5), ("flat", [3, 1, 6, 2], [3, 1, 4, 3], 3, 3, 0.5),
          ("twice_as_large", [2, 4, 6, 2], [2, 2, 3, 2], 3, 3, 0.5), ("half_as_large", [2, 2, 3, 2], [2, 4, 6, 2], 3, 3, 0.5),
          ("large_window", [2, 3, 3, 2], [2, 3, 3, 2], 2, 7, 0.5), ("window_of_one", [3, 4, 3, 4], [3, 4, 3, 3], 4, 1, 0.5),
          ("one_number_in_the_map", [2, 5, 4, 3], [2, 5, 4, 1], 3, 3, 0.5), ("large_mean", [3, 4, 3, 2], [3, 4, 3, 2], 3, 3, 100.0),
          ("odd", [3, 5, 3, 5], [3, 3, 5, 3], 3, 3, 0.5), ("many_images", [9, 2, 3, 2], [9, 3, 2, 2], 2, 3, 0.5),
      ]],
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
    name, kind = settings["name"], settings["kind"]
    x = hashed(f"{name}.x", settings["shape"], 2.5, settings["mean"]).requires_grad_()
    if kind == "classes":
        count = numpy.prod(settings["condition"])
        condition = torch.from_numpy(hashed_labels(f"{name}.condition", count, CLASSES).reshape(settings["condition"]))
    else:
        offset = settings["mean"] if kind == "adain" else 0.0
        condition = hashed(f"{name}.condition", settings["condition"], 1.75, offset).requires_grad_()
    parameters = {}
    if kind == "adain":
        y = adain(x, condition, settings["epsilon"])
    else:
        module = Sequence(settings).double().train()
        parameters = dict(module.named_parameters())
        for parameter, tensor in parameters.items():
            tensor.data = hashed(f"{name}.{parameter}", tensor.shape, 0.875)
        y = module(x, condition)
    y.backward(hashed(f"{name}.dy", settings["shape"], 1.75))
    found = {"y": y, "dx": x.grad} | {f"d{name}": parameter.grad for name, parameter in parameters.items()}
    if kind != "classes":
        found["dcondition"] = condition.grad
    result.add_digested_case(settings, found)
