"""Linear and convolutional layers whose weights are normalized, forward, backward, and in inference after a training step.

Weight norm and spectral norm are PyTorch's parametrizations; standardized convolutions of images are timm's, others the formula."""

import torch
from torch.nn.utils import parametrizations

from .fixture import Fixture, hashed
from .timm_parts import timm_part


def case(name, normalization, layer, shape, outputs, size=(), *, stride=1, padding=0, dilation=1, groups=1, bias=True,
         epsilon=None, iterations=1, mean=0.0):
    """A case as it stands in the file. `layer` is `linear`, `conv1d`, `conv2d` or `transposed`; `mean` that of the weights."""
    return {
        "name": name, "normalization": normalization, "layer": layer, "shape": list(shape), "outputs": outputs,
        "size": list(size), "stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "bias": bias,
        "epsilon": epsilon, "iterations": iterations, "mean": mean,
    }


CASES = [
    case("standardized_linear", "standardized", "linear", [5, 7], 3, epsilon=1e-6),
    case("standardized_linear_one_output", "standardized", "linear", [4, 33], 1, bias=False, epsilon=1e-6),
    case("standardized_linear_rank3", "standardized", "linear", [2, 3, 5], 4, epsilon=1e-3),
    case("standardized_3x3", "standardized", "conv2d", [2, 5, 4, 3], 4, [3, 3], padding=1, epsilon=1e-6),
    case("standardized_1x1", "standardized", "conv2d", [1, 3, 3, 17], 5, [1, 1], bias=False, epsilon=1e-5),
    case("standardized_uneven_groups", "standardized", "conv2d", [1, 5, 6, 4], 6, [3, 2], stride=2, groups=2,
         epsilon=1e-6),
    case("standardized_depthwise", "standardized", "conv2d", [2, 4, 4, 3], 3, [3, 3], padding=1, groups=3, epsilon=1e-6),
    case("standardized_large_mean", "standardized", "conv2d", [1, 4, 4, 5], 3, [3, 3], padding=1, epsilon=1e-6,
         mean=100.0),
    case("standardized_signal", "standardized", "conv1d", [2, 7, 3], 4, [3], padding=1, epsilon=1e-6),
    case("standardized_transposed", "standardized", "transposed", [1, 3, 4, 4], 3, [3, 3], stride=2, padding=1,
         epsilon=1e-6),
    case("standardized_transposed_groups", "standardized", "transposed", [1, 3, 2, 4], 6, [2, 3], groups=2,
         epsilon=1e-6),
    case("standardized_linear_two_inputs", "standardized", "linear", [3, 2], 5, epsilon=1e-2),
    case("standardized_linear_wide", "standardized", "linear", [2, 131], 3, epsilon=1e-6),
    case("standardized_one_channel", "standardized", "conv2d", [2, 5, 4, 1], 3, [3, 3], epsilon=1e-6),
    case("standardized_one_row_of_places", "standardized", "conv2d", [1, 1, 9, 2], 3, [1, 5], epsilon=1e-6),
    case("standardized_dilated", "standardized", "conv2d", [1, 7, 6, 3], 2, [2, 3], dilation=2, epsilon=1e-4),
    case("standardized_one_output", "standardized", "conv2d", [1, 5, 5, 4], 1, [3, 3], bias=False, epsilon=1e-6),
    case("standardized_signal_groups", "standardized", "conv1d", [1, 8, 6], 3, [2], stride=3, groups=3, epsilon=1e-5),
    case("standardized_signal_large_mean", "standardized", "conv1d", [2, 6, 3], 5, [3], epsilon=1e-6, mean=100.0),
    case("standardized_transposed_one_input", "standardized", "transposed", [2, 3, 3, 1], 4, [3, 2], epsilon=1e-5),
    case("scaled_linear", "scaled", "linear", [5, 7], 3, epsilon=1e-6),
    case("scaled_3x3", "scaled", "conv2d", [2, 5, 4, 3], 4, [3, 3], padding=1, epsilon=1e-6),
    case("scaled_1x1_stride2", "scaled", "conv2d", [1, 5, 5, 9], 2, [1, 1], stride=2, bias=False, epsilon=1e-4),
    case("scaled_dilated_groups", "scaled", "conv2d", [1, 7, 6, 6], 3, [3, 3], dilation=2, groups=3, epsilon=1e-6),
    case("scaled_signal", "scaled", "conv1d", [1, 9, 4], 6, [5], stride=2, padding=2, groups=2, epsilon=1e-6),
    case("scaled_transposed_groups", "scaled", "transposed", [1, 2, 3, 6], 4, [3, 2], stride=2, groups=2, epsilon=1e-6),
    case("scaled_linear_one_output", "scaled", "linear", [4, 33], 1, bias=False, epsilon=1e-6),
    case("scaled_linear_rank3", "scaled", "linear", [2, 3, 5], 4, epsilon=1e-3),
    case("scaled_linear_two_inputs", "scaled", "linear", [3, 2], 5, epsilon=1e-2),
    case("scaled_linear_wide", "scaled", "linear", [2, 131], 3, epsilon=1e-6),
    case("scaled_one_channel", "scaled", "conv2d", [2, 5, 4, 1], 3, [3, 3], epsilon=1e-6),
    case("scaled_depthwise", "scaled", "conv2d", [2, 4, 4, 3], 3, [3, 3], padding=1, groups=3, epsilon=1e-6),
    case("scaled_depthwise_twofold", "scaled", "conv2d", [1, 5, 4, 3], 6, [2, 2], groups=3, bias=False, epsilon=1e-5),
    case("scaled_one_row_of_places", "scaled", "conv2d", [1, 1, 9, 2], 3, [1, 5], epsilon=1e-6),
    case("scaled_large_mean", "scaled", "conv2d", [1, 4, 4, 5], 3, [3, 3], padding=1, epsilon=1e-6, mean=100.0),
    case("scaled_large_epsilon", "scaled", "conv2d", [1, 5, 5, 4], 1, [3, 3], epsilon=0.5),
    case("scaled_signal_one_channel", "scaled", "conv1d", [2, 7, 1], 4, [3], padding=1, epsilon=1e-6),
    case("scaled_signal_dilated", "scaled", "conv1d", [1, 9, 4], 3, [3], dilation=3, bias=False, epsilon=1e-5),
    case("scaled_transposed", "scaled", "transposed", [1, 3, 4, 4], 3, [3, 3], stride=2, padding=1, epsilon=1e-6),
    case("scaled_transposed_one_input", "scaled", "transposed", [2, 3, 3, 1], 4, [3, 2], epsilon=1e-5),
    case("magnitude_linear", "magnitude", "linear", [5, 7], 3),
    case("magnitude_linear_one_input", "magnitude", "linear", [4, 1], 5, bias=False),
    case("magnitude_3x3", "magnitude", "conv2d", [2, 5, 4, 3], 4, [3, 3], padding=1),
    case("magnitude_depthwise", "magnitude", "conv2d", [1, 4, 5, 3], 6, [3, 3], groups=3, bias=False),
    case("magnitude_signal", "magnitude", "conv1d", [2, 8, 3], 5, [3], dilation=2),
    case("magnitude_transposed", "magnitude", "transposed", [1, 3, 4, 4], 6, [4, 4], stride=2, padding=1, groups=2),
    case("magnitude_linear_one_output", "magnitude", "linear", [4, 33], 1),
    case("magnitude_linear_rank3", "magnitude", "linear", [2, 3, 5], 4, bias=False),
    case("magnitude_linear_one_of_each", "magnitude", "linear", [3, 1], 1),
    case("magnitude_linear_wide", "magnitude", "linear", [2, 131], 3, mean=10.0),
    case("magnitude_1x1_stride2", "magnitude", "conv2d", [1, 5, 5, 9], 2, [1, 1], stride=2),
    case("magnitude_one_channel", "magnitude", "conv2d", [2, 5, 4, 1], 3, [3, 3]),
    case("magnitude_one_output", "magnitude", "conv2d", [1, 5, 5, 4], 1, [3, 3], bias=False),
    case("magnitude_dilated_groups", "magnitude", "conv2d", [1, 7, 6, 6], 3, [3, 3], dilation=2, groups=3),
    case("magnitude_one_row_of_places", "magnitude", "conv2d", [1, 1, 9, 2], 3, [1, 5]),
    case("magnitude_large_mean", "magnitude", "conv2d", [1, 4, 4, 5], 3, [2, 3], padding=1, mean=100.0),
    case("magnitude_signal_groups", "magnitude", "conv1d", [1, 8, 6], 3, [2], stride=3, groups=3),
    case("magnitude_signal_one_channel", "magnitude", "conv1d", [2, 7, 1], 4, [3], padding=1, bias=False),
    case("magnitude_transposed_one_input", "magnitude", "transposed", [2, 3, 3, 1], 4, [3, 2]),
    case("magnitude_transposed_one_output", "magnitude", "transposed", [1, 2, 3, 5], 1, [3, 3], stride=2, bias=False),
    case("spectral_linear", "spectral", "linear", [5, 7], 3),
    case("spectral_linear_square", "spectral", "linear", [3, 6], 6, bias=False),
    case("spectral_linear_one_output", "spectral", "linear", [4, 9], 1),
    case("spectral_3x3", "spectral", "conv2d", [2, 5, 4, 3], 4, [3, 3], padding=1),
    case("spectral_groups_3_iterations", "spectral", "conv2d", [1, 4, 5, 4], 6, [2, 3], groups=2, iterations=3),
    case("spectral_signal", "spectral", "conv1d", [2, 8, 3], 5, [3], bias=False),
    case("spectral_transposed", "spectral", "transposed", [1, 3, 4, 4], 3, [3, 3], stride=2, padding=1),
    case("spectral_linear_one_input", "spectral", "linear", [4, 1], 5),
    case("spectral_linear_rank3", "spectral", "linear", [2, 3, 5], 4, iterations=2),
    case("spectral_linear_wide", "spectral", "linear", [2, 131], 3, bias=False),
    case("spectral_linear_mean", "spectral", "linear", [3, 8], 9, mean=3.0),
    case("spectral_1x1_stride2", "spectral", "conv2d", [1, 5, 5, 9], 2, [1, 1], stride=2),
    case("spectral_one_channel", "spectral", "conv2d", [2, 5, 4, 1], 3, [3, 3]),
    case("spectral_one_output", "spectral", "conv2d", [1, 5, 5, 4], 1, [3, 3], bias=False),
    case("spectral_depthwise", "spectral", "conv2d", [1, 4, 5, 3], 6, [3, 3], groups=3),
    case("spectral_dilated", "spectral", "conv2d", [1, 7, 6, 3], 2, [2, 3], dilation=2, iterations=5),
    case("spectral_one_row_of_places", "spectral", "conv2d", [1, 1, 9, 2], 3, [1, 5]),
    case("spectral_signal_groups", "spectral", "conv1d", [1, 8, 6], 3, [2], stride=3, groups=3),
    case("spectral_transposed_groups", "spectral", "transposed", [1, 2, 3, 6], 4, [3, 2], stride=2, groups=2),
    case("spectral_transposed_one_input", "spectral", "transposed", [2, 3, 3, 1], 4, [3, 2], bias=False),
]


def cases() -> Fixture:
    result = Fixture()
    for settings in CASES:
        add(result, settings)
    return result


def module(settings: dict) -> torch.nn.Module:
    channels, outputs, bias = settings["shape"][-1], settings["outputs"], settings["bias"]
    options = {name: settings[name] for name in ["stride", "padding", "dilation", "groups"]}
    epsilon, normalization = settings["epsilon"], settings["normalization"]
    if settings["layer"] == "conv2d" and normalization in ["standardized", "scaled"]:
        std_conv = timm_part("layers.std_conv")
        kind = std_conv.StdConv2d if normalization == "standardized" else std_conv.ScaledStdConv2d
        result = kind(channels, outputs, settings["size"], bias=bias, eps=epsilon, **options)
    elif settings["layer"] == "linear":
        result = torch.nn.Linear(channels, outputs, bias)
    else:
        kind = {
            "conv1d": torch.nn.Conv1d, "conv2d": torch.nn.Conv2d, "transposed": torch.nn.ConvTranspose2d,
        }[settings["layer"]]
        result = kind(channels, outputs, settings["size"], bias=bias, **options)
    if normalization == "magnitude":
        parametrizations.weight_norm(result)
    elif normalization == "spectral":
        parametrizations.spectral_norm(result, n_power_iterations=settings["iterations"])
    elif settings["layer"] != "conv2d":
        if normalization == "scaled":
            result.register_parameter("gain", torch.nn.Parameter(torch.ones(outputs, *[1] * (result.weight.dim() - 1))))
        result.forward = lambda x: standardized(result, settings, x)
    return result


def standardized(module: torch.nn.Module, settings: dict, x: torch.Tensor) -> torch.Tensor:
    """The layer of the paper's formula, where timm has none: the weight of an output over all that goes into it."""
    weight, groups = module.weight, settings["groups"]
    transposed = settings["layer"] == "transposed"
    if transposed:
        inputs, outputs, *size = weight.shape
        weight = weight.reshape(groups, inputs // groups, outputs, *size).transpose(1, 2).reshape(
            groups * outputs, inputs // groups, *size)
    axes = tuple(range(1, weight.dim()))
    centred = weight - weight.mean(axes, keepdim=True)
    weight = centred / (centred.square().mean(axes, keepdim=True) + settings["epsilon"]).sqrt()
    if settings["normalization"] == "scaled":
        weight = weight * module.gain / weight[0].numel() ** 0.5
    if transposed:
        weight = weight.reshape(groups, outputs, inputs // groups, *size).transpose(1, 2).reshape(inputs, outputs, *size)
        return torch.nn.functional.conv_transpose2d(
            x, weight, module.bias, settings["stride"], settings["padding"], 0, groups, settings["dilation"])
    if settings["layer"] == "conv1d":
        return torch.nn.functional.conv1d(
            x, weight, module.bias, settings["stride"], settings["padding"], settings["dilation"], groups)
    return torch.nn.functional.linear(x, weight, module.bias)


def channels_last(x: torch.Tensor, settings: dict) -> torch.Tensor:
    return x if settings["layer"] == "linear" else x.movedim(1, -1)


def channels_first(x: torch.Tensor, settings: dict) -> torch.Tensor:
    return x if settings["layer"] == "linear" else x.movedim(-1, 1)


def add(result: Fixture, settings: dict) -> None:
    name = settings["name"]
    layer = module(settings).double().train()
    inputs = {}
    for parameter, tensor in layer.state_dict().items():
        is_scale = parameter == "gain" or parameter.endswith("original0")
        is_weight = parameter == "weight" or parameter.endswith(("original", "original1"))
        offset = 1.0 if is_scale else settings["mean"] if is_weight else 0.0
        inputs[parameter] = hashed(f"{name}.{parameter}", tensor.shape, 0.5 if is_scale else 0.875, offset)
    layer.load_state_dict(inputs)
    x = hashed(f"{name}.x", settings["shape"], 1.75).requires_grad_()
    y = channels_last(layer(channels_first(x, settings)), settings)
    y.backward(hashed(f"{name}.dy", y.shape, 1.75))
    found = {"y": y, "dx": x.grad} | {f"d{name}": parameter.grad for name, parameter in layer.named_parameters()}
    if settings["normalization"] == "spectral":
        found |= {name: tensor for name, tensor in layer.state_dict().items() if name.endswith(("_u", "_v"))}
        with torch.no_grad():
            found["inference"] = channels_last(layer.eval()(channels_first(x, settings)), settings)
    result.add_digested_case(settings, found)
