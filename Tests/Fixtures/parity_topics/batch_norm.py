"""Batch normalization: training over one or several batches, running statistics, inference, and all gradients."""

import numpy
import torch

from .fixture import Fixture, in_both_precisions, converted, normal, random_source

MODULES = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}

# Where ReLU follows, no value it gets lies nearer to 0: the two precisions then agree on which elements pass.
RELU_MARGIN = 1e-4


def case(name, shape, *, layout="channels_last", epsilon=1e-5, momentum=0.1, affine=True, statistics=True, batches=1,
         distribution="ordinary", relu=False):
    """A case as it stands in the file; `momentum` None is PyTorch's cumulative average."""
    return {
        "name": name, "shape": list(shape), "layout": layout, "epsilon": epsilon, "momentum": momentum,
        "affine": affine, "statistics": statistics, "batches": batches, "distribution": distribution, "relu": relu,
    }


def plain_cases() -> Fixture:
    cases = [
        case("n2_c1", [2, 1]),
        case("n2_c3", [2, 3]),
        case("n3_c5", [3, 5]),
        case("n7_c1", [7, 1]),
        case("n50_c100", [50, 100]),
        case("n33_c17", [33, 17]),
        case("rank3", [5, 4, 3]),
        case("rank4", [4, 3, 5, 7]),
        case("rank4_small", [2, 3, 4, 5]),
        case("rank4_one_image", [1, 3, 2, 5]),
        case("rank5", [2, 3, 2, 4, 5]),
        case("rank3_nchw", [5, 3, 4], layout="NCHW"),
        case("rank4_nchw", [4, 7, 3, 5], layout="NCHW"),
        case("rank4_nchw_cumulative", [2, 3, 4, 5], layout="NCHW", momentum=None, batches=3),
        case("rank5_nchw", [2, 5, 3, 2, 4], layout="NCHW"),
        case("large_mean", [65, 6], distribution="large_mean"),
        case("large_mean_rank4", [3, 5, 7, 6], distribution="large_mean"),
        case("constant_channel", [9, 4], distribution="constant_channel"),
        case("affine_off", [33, 7], affine=False),
        case("affine_off_rank4", [2, 3, 4, 5], affine=False),
        case("statistics_off", [11, 7], statistics=False),
        case("statistics_off_affine_off", [11, 7], statistics=False, affine=False),
        case("cumulative", [5, 7], momentum=None, batches=5),
        case("momentum_0_1", [5, 7], momentum=0.1, batches=4),
        case("momentum_0_3", [5, 7], momentum=0.3, batches=4),
        case("momentum_1", [5, 7], momentum=1.0, batches=2),
        case("n2_c1_momentum_0_3", [2, 1], momentum=0.3, batches=4),
        case("epsilon_1e-3", [13, 5], epsilon=1e-3),
        case("epsilon_1e-3_small_values", [13, 5], epsilon=1e-3, distribution="small_values"),
        case("epsilon_1e-5_small_values", [13, 5], distribution="small_values"),
    ]
    return fixture(cases)


def relu_cases() -> Fixture:
    cases = [
        case("n2_c3", [2, 3], relu=True),
        case("n7_c1", [7, 1], relu=True),
        case("n33_c17", [33, 17], relu=True),
        case("n50_c100", [50, 100], relu=True),
        case("rank3", [5, 4, 3], relu=True),
        case("rank4", [4, 3, 5, 7], relu=True),
        case("rank5", [2, 3, 2, 4, 5], relu=True),
        case("rank4_nchw", [4, 7, 3, 5], layout="NCHW", relu=True),
        case("large_mean", [65, 6], distribution="large_mean", relu=True),
        case("affine_off", [33, 7], affine=False, relu=True),
        case("statistics_off", [11, 7], statistics=False, relu=True),
        case("cumulative", [5, 7], momentum=None, batches=3, relu=True),
    ]
    return fixture(cases)


def fixture(cases: list) -> Fixture:
    result = Fixture()
    for settings in cases:
        inputs = make_inputs(settings)
        result.add_case(settings, in_both_precisions(inputs, lambda inputs: results(settings, inputs)))
    return result


def make_inputs(settings: dict) -> dict:
    """x and dy of every batch, x and dy of the inference batch, gamma and beta: float32."""
    for attempt in range(1000):
        inputs = draw_inputs(settings, random_source("batch_norm", settings["relu"], settings["name"], attempt))
        if not settings["relu"] or smallest_magnitude(settings, inputs) > RELU_MARGIN:
            return inputs
    raise RuntimeError(f"{settings['name']}: no inputs that keep clear of ReLU's corner")


def draw_inputs(settings: dict, source) -> dict:
    shape = settings["shape"]
    channel_axis = 1 if settings["layout"] == "NCHW" else len(shape) - 1
    channels = shape[channel_axis]
    per_channel = [channels if axis == channel_axis else 1 for axis in range(len(shape))]
    mean, deviation = moments(settings["distribution"], channels, source)

    def batch(batch_shape):
        return normal(source, batch_shape, mean.reshape(per_channel), deviation.reshape(per_channel))

    inputs = {}
    for index in range(settings["batches"]):
        inputs[f"{index}.x"] = batch(shape)
        inputs[f"{index}.dy"] = normal(source, shape)
    if settings["statistics"]:
        # Another batch size than in training.
        inference_shape = [3] + shape[1:]
        inputs["inference.x"] = batch(inference_shape)
        inputs["inference.dy"] = normal(source, inference_shape)
    if settings["affine"]:
        inputs["gamma"] = normal(source, [channels], 1.0, 0.5)
        inputs["beta"] = normal(source, [channels])
    return inputs


def moments(distribution: str, channels: int, source):
    """The mean and deviation that each channel's values are drawn with."""
    if distribution == "ordinary":
        return source.normal(0, 2, channels), source.uniform(0.5, 3, channels)
    if distribution == "large_mean":
        return numpy.array([1e3, 1e3, -1e3, 1e4, 1e4, -1e4]), numpy.array([0.1, 0.3, 1, 0.1, 0.3, 1])
    if distribution == "small_values":
        return source.normal(0, 1e-2, channels), numpy.geomspace(1e-3, 1e-1, channels)
    if distribution == "constant_channel":
        deviation = numpy.ones(channels)
        deviation[1] = 0
        return numpy.full(channels, 3.7), deviation
    raise ValueError(distribution)


def results(settings: dict, inputs: dict) -> dict:
    """Outputs, gradients and statistics in the precision of `inputs`."""
    module = make_module(settings, inputs)
    tensors = {}
    for index in range(settings["batches"]):
        x = inputs[f"{index}.x"]
        batch = forward_and_backward(settings, module, x, inputs[f"{index}.dy"])
        axes = [axis for axis in range(x.dim()) if axis != (1 if settings["layout"] == "NCHW" else x.dim() - 1)]
        variance, mean = torch.var_mean(x, dim=axes, correction=0)
        batch |= {"mean": mean, "variance": variance}
        if settings["statistics"]:
            if module.num_batches_tracked.item() != index + 1:
                raise RuntimeError("PyTorch counts batches in another way than README.md says")
            batch |= {"running_mean": module.running_mean.clone(), "running_var": module.running_var.clone()}
        tensors |= {f"{index}.{name}": tensor for name, tensor in batch.items()}
    if settings["statistics"]:
        module.eval()
        batch = forward_and_backward(settings, module, inputs["inference.x"], inputs["inference.dy"])
        tensors |= {f"inference.{name}": tensor for name, tensor in batch.items()}
    return tensors


def make_module(settings: dict, inputs: dict) -> torch.nn.Module:
    shape = settings["shape"]
    channels = shape[1] if settings["layout"] == "NCHW" else shape[-1]
    module = MODULES[len(shape)](
        channels, eps=settings["epsilon"], momentum=settings["momentum"], affine=settings["affine"],
        track_running_stats=settings["statistics"], dtype=inputs["0.x"].dtype)
    if settings["affine"]:
        module.weight.data = inputs["gamma"]
        module.bias.data = inputs["beta"]
    return module


def forward(settings: dict, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The module on `x`, whose axes are brought into PyTorch's order and back."""
    if settings["layout"] == "NCHW":
        return module(x)
    return module(x.movedim(-1, 1)).movedim(1, -1)


def forward_and_backward(settings: dict, module: torch.nn.Module, x: torch.Tensor, dy: torch.Tensor) -> dict:
    module.zero_grad()
    x = x.clone().requires_grad_()
    y = forward(settings, module, x)
    if settings["relu"]:
        y = torch.relu(y)
    y.backward(dy)
    tensors = {"y": y, "dx": x.grad}
    if settings["affine"]:
        tensors |= {"dgamma": module.weight.grad.clone(), "dbeta": module.bias.grad.clone()}
    return tensors


def smallest_magnitude(settings: dict, inputs: dict) -> float:
    """The smallest |value| that ReLU gets, in training and inference."""
    without_relu = results(settings | {"relu": False}, converted(inputs, torch.float64))
    return min(tensor.abs().min().item() for name, tensor in without_relu.items() if name.endswith(".y"))
