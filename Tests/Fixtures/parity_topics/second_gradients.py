"""Gradients of gradients: of normalizations and of what stands beside them, of a gradient penalty, and products with a Hessian.

Each case differentiates `Σᵢ ⟨directionᵢ, ∂⟨seed, f⟩/∂inputᵢ⟩` by PyTorch's double backward, which is first held against finite
differences (`gradgradcheck`): a case in which PyTorch is wrong is not written."""

import numpy
import torch
from torch.nn import functional

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, function, shape, *, parameters=(), groups=1, epsilon=1e-5, mean=0.5):
    """`parameters` are the shapes of the inputs after x; tensors of channels are last, as Norma has them."""
    return {
        "name": name, "function": function, "shape": list(shape), "parameters": [list(shape) for shape in parameters],
        "groups": groups, "epsilon": epsilon, "mean": mean,
    }


CASES = [
    case("batch_rows", "batch", [7, 5], parameters=[[5], [5]]),
    case("batch_images", "batch", [3, 4, 3, 2], parameters=[[2], [2]]),
    case("batch_one_channel", "batch", [6, 1], parameters=[[1], [1]]),
    case("batch_two_rows", "batch", [2, 3], parameters=[[3], [3]]),
    case("batch_large_epsilon", "batch", [5, 4], parameters=[[4], [4]], epsilon=0.5),
    case("batch_large_mean", "batch", [9, 3], parameters=[[3], [3]], mean=30.0),
    case("batch_plain", "batch", [4, 5, 3]),
    case("batch_relu", "batch_relu", [6, 2, 4], parameters=[[4], [4]]),
    case("layer_rows", "layer", [4, 7], parameters=[[7], [7]]),
    case("layer_rank3", "layer", [2, 3, 5], parameters=[[5], [5]]),
    case("layer_plain", "layer", [3, 9]),
    case("rms_rows", "rms", [4, 7], parameters=[[7]]),
    case("rms_rank3", "rms", [2, 3, 5], parameters=[[5]], epsilon=1e-3),
    case("group_images", "group", [2, 3, 2, 6], parameters=[[6], [6]], groups=3),
    case("group_one", "group", [3, 5, 4], parameters=[[4], [4]], groups=1),
    case("instance_images", "group", [2, 3, 4, 3], parameters=[[3], [3]], groups=3),
    case("convolution", "convolution", [2, 4, 5, 3], parameters=[[4, 3, 3, 3], [4]]),
    case("softmax", "softmax", [4, 5]),
    case("cross_entropy", "cross_entropy", [5, 4]),
    case("gelu", "gelu", [3, 7]),
    case("max_pool", "max_pool", [2, 4, 6, 2]),
    case("penalty_layer", "penalty_layer", [5, 6], parameters=[[8, 6], [8], [8], [8], [1, 8]]),
    case("penalty_batch", "penalty_batch", [5, 6], parameters=[[8, 6], [8], [8], [8], [1, 8]]),
    case("hessian_batch", "hessian_batch", [6, 5], parameters=[[4, 5], [4], [4], [3, 4], [3]]),
]


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def apply(settings, x, parameters):
    """The function of a case."""
    function, epsilon = settings["function"], settings["epsilon"]
    scale, shift = (list(parameters) + [None, None])[:2]
    if function.startswith("batch"):
        y = last(functional.batch_norm(first(x), None, None, scale, shift, training=True, eps=epsilon))
        return torch.relu(y) if function == "batch_relu" else y
    if function == "layer":
        return functional.layer_norm(x, x.shape[-1:], scale, shift, epsilon)
    if function == "rms":
        return functional.rms_norm(x, x.shape[-1:], scale, epsilon)
    if function == "group":
        return last(functional.group_norm(first(x), settings["groups"], scale, shift, epsilon))
    if function == "convolution":
        return last(functional.conv2d(first(x), scale, shift, stride=2, padding=1))
    if function == "softmax":
        return torch.softmax(x, -1)
    if function == "cross_entropy":
        return functional.cross_entropy(x, torch.arange(x.shape[0]) % x.shape[1], label_smoothing=0.1)
    if function == "gelu":
        return functional.gelu(x)
    if function == "max_pool":
        return last(functional.max_pool2d(first(x), 2))
    if function.startswith("penalty"):
        return penalized(settings, x, parameters)
    return classified(settings, x, parameters)


def penalized(settings, x, parameters):
    """A critic's mean score and the penalty on the length of its slope (Gulrajani and others 2017)."""
    weight, bias, scale, shift, output = parameters
    hidden = functional.linear(x, weight, bias)
    if settings["function"] == "penalty_layer":
        hidden = functional.layer_norm(hidden, hidden.shape[-1:], scale, shift, settings["epsilon"])
    else:
        hidden = functional.batch_norm(hidden, None, None, scale, shift, training=True, eps=settings["epsilon"])
    scores = functional.linear(torch.tanh(hidden), output)
    slopes, = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return scores.mean() + 10 * ((slopes.norm(dim=1) - 1) ** 2).mean()


def classified(settings, x, parameters):
    """A classifier with batch normalization, and its loss."""
    weight, scale, shift, output, bias = parameters
    hidden = functional.batch_norm(
        functional.linear(x, weight), None, None, scale, shift, training=True, eps=settings["epsilon"])
    return functional.cross_entropy(
        functional.linear(torch.sigmoid(hidden), output, bias), torch.arange(x.shape[0]) % output.shape[0])


def cases() -> Fixture:
    fixture = Fixture()
    for settings in CASES:
        source = random_source("second gradients", settings["name"])
        inputs = {"x": normal(source, settings["shape"], settings["mean"])}
        for index, shape in enumerate(settings["parameters"]):
            inputs[f"p{index}"] = normal(source, shape, 0.5, 0.5)
        names = list(inputs)
        for name in names:
            inputs[f"direction_{name}"] = normal(source, inputs[name].shape)

        def compute(tensors):
            variables = [tensors[name].requires_grad_() for name in names]

            def function(*values):
                return apply(settings, values[0], values[1:])

            y = function(*variables)
            seed = torch.from_numpy(numpy.asarray(normal(random_source("seed", settings["name"]), y.shape))).to(y.dtype)
            seed.requires_grad_()
            penalty = settings["function"].startswith("penalty")
            if penalty:
                assert torch.autograd.gradcheck(function, variables)
            else:
                assert torch.autograd.gradgradcheck(function, variables, seed.detach().clone().requires_grad_())
            gradients = torch.autograd.grad(y, variables, seed, create_graph=not penalty)
            results = {"y": y, "seed": seed}
            results |= {f"d{name}": gradient for name, gradient in zip(names, gradients)}
            if not penalty:
                total = sum((gradient * tensors[f"direction_{name}"]).sum() for name, gradient in zip(names, gradients))
                second = torch.autograd.grad(total, variables + [seed], allow_unused=True)
                results |= {
                    f"d2{name}": torch.zeros_like(variable) if value is None else value
                    for name, variable, value in zip(names + ["seed"], variables + [seed], second)}
            return {name: result.detach().reshape(result.shape or (1,)) for name, result in results.items()}

        fixture.add_case(settings, in_double_precision(inputs, compute))
    return fixture
