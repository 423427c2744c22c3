"""Two hundred training steps on the digits from given weights on given batches, with several nets and optimizers."""

import gzip
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

from .fixture import PRECISIONS, Fixture, normal, random_source

WIDTHS = [64, 100, 100, 100, 100, 100, 10]
WEIGHT_SCALE = 2e-2
STEPS = 200
BATCH_SIZE = 50
TRAINING_ROWS = 1437
EVALUATION_ROWS = 32


def case(name, norm, optimizer, learning_rate, *, momentum=None, masked=False, final_f32="none",
         final_f64="vectors"):
    """A case as it stands in the file; `final_f32` and `final_f64`: all, vectors or none."""
    return {
        "name": name, "norm": norm, "optimizer": optimizer, "learning_rate": learning_rate, "momentum": momentum,
        "masked": masked, "widths": WIDTHS, "steps": STEPS, "batch_size": BATCH_SIZE, "final_f32": final_f32,
        "final_f64": final_f64,
    }


CASES = [
    case("batch_adam", "batch", "adam", 1e-3, final_f64="all"),
    # Without the pixels whose gradient is rounding noise: one that a Float run can follow to the end.
    case("batch_adam_masked", "batch", "adam", 1e-3, masked=True, final_f32="vectors"),
    case("batch_momentum", "batch", "momentum", 1e-2, momentum=0.9),
    # Slow enough that training hardly amplifies rounding: another such one.
    case("batch_momentum_slow", "batch", "momentum", 1e-3, momentum=0.9, final_f32="all"),
    case("none_adam", "none", "adam", 1e-3),
    case("layer_adam", "layer", "adam", 1e-3),
]


def cases(digits: Path) -> Fixture:
    result = Fixture()
    features, labels = read_digits(digits)
    source = random_source("trajectory")
    order = source.permutation(len(features))
    training, validation = numpy.sort(order[:TRAINING_ROWS]), numpy.sort(order[TRAINING_ROWS:])

    mean = features[training].mean(axis=0)
    scale = features[training].std(axis=0)
    scale[scale == 0] = 1
    standardized = ((features - mean) / scale).astype(numpy.float32)

    weights = [
        normal(source, [outputs, inputs], 0, WEIGHT_SCALE) for inputs, outputs in zip(WIDTHS, WIDTHS[1:])]
    batches = draw_batches(source, training)
    # A pixel that is constant within a batch has no gradient before batch normalization, but for rounding noise.
    mask = (numpy.ptp(features[batches], axis=1) > 0).all(axis=0).astype(numpy.float32)

    shared = {
        "training_rows": training, "features.mean": mean, "features.scale": scale,
        "features.mask": mask, "batches": batches, "evaluation_rows": validation[:EVALUATION_ROWS],
    } | {f"initial.{index}.weight": weight for index, weight in enumerate(weights)}
    for name, tensor in shared.items():
        result.add_tensor(name, tensor)

    for settings in CASES:
        tensors = {}
        for tag, dtype in PRECISIONS.items():
            data = torch.from_numpy(standardized * mask if settings["masked"] else standardized).to(dtype)
            net = make_net(settings["norm"], weights, dtype)
            tensors[f"{tag}.loss"] = train(settings, net, data, torch.from_numpy(labels), batches)
            net.eval()
            tensors[f"{tag}.logits"] = net(data[shared["evaluation_rows"]])
            for name, tensor in net.state_dict().items():
                if settings[f"final_{tag}"] == "all" or settings[f"final_{tag}"] == "vectors" and tensor.dim() == 1:
                    tensors[f"{tag}.final.{name}"] = tensor
        names = {
            kind: [name for name, module in net.named_children() if isinstance(module, types)]
            for kind, types in [
                ("linears", torch.nn.Linear), ("norms", (torch.nn.BatchNorm1d, torch.nn.LayerNorm))]}
        result.add_case(settings | names, tensors)
    return result


def read_digits(path: Path):
    """Features [1797, 64] as float64 and labels [1797]."""
    with gzip.open(path, "rt") as file:
        table = numpy.loadtxt(file, delimiter=",", dtype=numpy.int64)
    if table.shape != (1797, 65):
        raise ValueError(f"{path} holds {table.shape}, the digits are (1797, 65)")
    return table[:, :64].astype(numpy.float64), table[:, 64]


def draw_batches(source: numpy.random.Generator, rows: numpy.ndarray) -> numpy.ndarray:
    """Row numbers [steps, batch size]: shuffled anew each epoch, the incomplete last batch dropped."""
    batches = []
    while len(batches) < STEPS:
        shuffled = source.permutation(rows)
        whole = len(rows) // BATCH_SIZE * BATCH_SIZE
        batches.extend(shuffled[:whole].reshape(-1, BATCH_SIZE))
    return numpy.stack(batches[:STEPS])


def make_net(norm: str, weights: list, dtype: torch.dtype) -> torch.nn.Sequential:
    """Five times Linear, norm, ReLU; then Linear. Biases start at 0, gamma at 1, beta at 0."""
    layers = []
    for index, weight in enumerate(weights):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=dtype)
        layer.weight.data = torch.from_numpy(weight.copy()).to(dtype)
        torch.nn.init.zeros_(layer.bias)
        layers.append(layer)
        if index + 1 < len(weights):
            if norm == "batch":
                layers.append(torch.nn.BatchNorm1d(weight.shape[0], dtype=dtype))
            elif norm == "layer":
                layers.append(torch.nn.LayerNorm(weight.shape[0], dtype=dtype))
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def train(settings: dict, net: torch.nn.Module, data: torch.Tensor, labels: torch.Tensor, batches) -> torch.Tensor:
    """Trains the net in place; the loss of each step, before its update."""
    if settings["optimizer"] == "adam":
        optimizer = torch.optim.Adam(net.parameters(), lr=settings["learning_rate"])
    else:
        optimizer = torch.optim.SGD(net.parameters(), lr=settings["learning_rate"], momentum=settings["momentum"])
    losses = []
    for rows in torch.from_numpy(batches):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(data[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)
