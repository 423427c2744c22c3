"""Optimizers: two parameters through eight given gradients, with every step's result."""

import torch

from .fixture import PRECISIONS, Fixture, converted, normal, random_source

STEPS = 8
SHAPES = {"weight": [3, 5], "bias": [7]}


def case(name, rule, learning_rate, *, momentum=None, nesterov=None, smoothing=None, epsilon=None, beta1=None,
         beta2=None, weight_decay=0.0, decayed=("weight", "bias"), gradients="ordinary"):
    """A case as it stands in the file; None where the rule has no such setting."""
    return {
        "name": name, "rule": rule, "learning_rate": learning_rate, "momentum": momentum, "nesterov": nesterov,
        "smoothing": smoothing, "epsilon": epsilon, "beta1": beta1, "beta2": beta2, "weight_decay": weight_decay,
        "decayed": list(decayed) if weight_decay else [], "gradients": gradients,
    }


def sgd(name, learning_rate, momentum=0.0, nesterov=False, **other):
    return case(name, "sgd", learning_rate, momentum=momentum, nesterov=nesterov, **other)


def rmsprop(name, learning_rate, smoothing=0.99, epsilon=1e-8, momentum=0.0, **other):
    return case(
        name, "rmsprop", learning_rate, smoothing=smoothing, epsilon=epsilon, momentum=momentum, **other)


def adam(name, learning_rate, rule="adam", beta1=0.9, beta2=0.999, epsilon=1e-8, **other):
    return case(name, rule, learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, **other)


def lion(name, learning_rate, beta1=0.9, beta2=0.99, **other):
    return case(name, "lion", learning_rate, beta1=beta1, beta2=beta2, **other)


CASES = [
    sgd("sgd", 0.01),
    sgd("sgd_0_5", 0.5),
    sgd("sgd_decay", 0.1, weight_decay=0.03),
    sgd("sgd_decay_weight_only", 0.1, weight_decay=0.03, decayed=["weight"]),
    sgd("momentum", 0.01, momentum=0.9),
    sgd("momentum_0_5", 0.3, momentum=0.5),
    sgd("momentum_decay", 0.1, momentum=0.9, weight_decay=0.03),
    sgd("nesterov", 0.01, momentum=0.9, nesterov=True),
    sgd("nesterov_0_5", 0.3, momentum=0.5, nesterov=True),
    sgd("nesterov_decay", 0.1, momentum=0.9, nesterov=True, weight_decay=0.03),
    rmsprop("rmsprop", 0.01),
    rmsprop("rmsprop_0_9", 1e-3, smoothing=0.9),
    rmsprop("rmsprop_momentum", 0.01, momentum=0.9),
    rmsprop("rmsprop_decay", 0.01, weight_decay=0.03),
    rmsprop("rmsprop_tiny_gradients", 0.01, gradients="tiny"),
    adam("adam", 1e-3),
    adam("adam_0_1", 0.1),
    adam("adam_betas", 0.01, beta1=0.8, beta2=0.99, epsilon=1e-6),
    adam("adam_decay", 0.01, weight_decay=0.03),
    adam("adam_decay_weight_only", 0.01, weight_decay=0.03, decayed=["weight"]),
    adam("adam_tiny_gradients", 0.01, gradients="tiny"),
    adam("adamw", 1e-3, rule="adamw", weight_decay=0.01),
    adam("adamw_strong_decay", 0.1, rule="adamw", weight_decay=0.3),
    adam("adamw_weight_only", 0.01, rule="adamw", weight_decay=0.1, decayed=["weight"]),
    adam("amsgrad", 1e-3, rule="amsgrad"),
    adam("amsgrad_0_1", 0.1, rule="amsgrad", beta1=0.8, beta2=0.9),
    adam("amsgrad_tiny_gradients", 0.01, rule="amsgrad", beta2=0.9, gradients="tiny"),
    lion("lion", 1e-3),
    lion("lion_betas", 0.01, beta1=0.8, beta2=0.9),
    lion("lion_decay", 0.01, weight_decay=0.3),
    lion("lion_weight_only", 0.01, weight_decay=0.3, decayed=["weight"]),
    adam("adamw_tiny_gradients", 0.01, rule="adamw", weight_decay=0.1, gradients="tiny"),
]


def cases() -> Fixture:
    result = Fixture()
    inputs = make_inputs()
    for name, array in inputs.items():
        result.add_tensor(name, array)
    for settings in CASES:
        result.add_case(settings, {
            f"{tag}.{name}": tensor
            for tag, dtype in PRECISIONS.items()
            for name, tensor in run(settings, converted(inputs, dtype)).items()})
    return result


def make_inputs() -> dict:
    """The start of both parameters and their gradients of every step, shared by all cases."""
    inputs = {}
    for name, shape in SHAPES.items():
        source = random_source("optimizers", name)
        inputs[f"start.{name}"] = normal(source, shape)
        inputs[f"ordinary.{name}"] = normal(source, [STEPS] + shape)
        # About as large as epsilon, so that its place in the formula shows; and one element that never has a gradient.
        tiny = normal(source, [STEPS] + shape, 0, 1e-8)
        tiny.reshape(STEPS, -1)[:, 0] = 0
        inputs[f"tiny.{name}"] = tiny
    return inputs


def run(settings: dict, inputs: dict) -> dict:
    """The parameters after each step, as [steps] + shape."""
    parameters = {name: torch.nn.Parameter(inputs[f"start.{name}"].clone()) for name in SHAPES}
    optimizer = make_optimizer(settings, parameters)
    history = {name: [] for name in SHAPES}
    for step in range(STEPS):
        for name, parameter in parameters.items():
            parameter.grad = inputs[f"{settings['gradients']}.{name}"][step].clone()
        optimizer.step()
        for name, parameter in parameters.items():
            history[name].append(parameter.detach().clone())
    return {name: torch.stack(tensors) for name, tensors in history.items()}


def make_optimizer(settings: dict, parameters: dict) -> torch.optim.Optimizer:
    groups = [
        {"params": [parameter], "weight_decay": settings["weight_decay"] if name in settings["decayed"] else 0.0}
        for name, parameter in parameters.items()]
    learning_rate = settings["learning_rate"]
    if settings["rule"] == "sgd":
        return torch.optim.SGD(
            groups, lr=learning_rate, momentum=settings["momentum"], nesterov=settings["nesterov"])
    if settings["rule"] == "rmsprop":
        return torch.optim.RMSprop(
            groups, lr=learning_rate, alpha=settings["smoothing"], eps=settings["epsilon"],
            momentum=settings["momentum"])
    betas = (settings["beta1"], settings["beta2"])
    if settings["rule"] == "lion":
        return Lion(groups, lr=learning_rate, betas=betas)
    rule = {"adam": torch.optim.Adam, "amsgrad": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings["rule"]]
    return rule(groups, lr=learning_rate, betas=betas, eps=settings["epsilon"], amsgrad=settings["rule"] == "amsgrad")


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023), which PyTorch does not have."""

    def __init__(self, groups, lr, betas):
        super().__init__(groups, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                state = self.state[parameter]
                momentum = state.get("momentum", torch.zeros_like(parameter))
                direction = torch.sign(beta1 * momentum + (1 - beta1) * parameter.grad)
                parameter -= group["lr"] * (direction + group["weight_decay"] * parameter)
                state["momentum"] = beta2 * momentum + (1 - beta2) * parameter.grad
