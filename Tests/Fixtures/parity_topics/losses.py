"""Losses and their gradients: softmax cross-entropy, multiclass SVM, mean squared error."""

import numpy
import torch
import torch.nn.functional as F

from .fixture import Fixture, in_both_precisions, normal, random_source, scalar


def cases() -> Fixture:
    result = Fixture()
    for loss in ["cross_entropy", "svm"]:
        add(result, loss, "n1_c2", [1, 2])
        add(result, loss, "n1_c7", [1, 7])
        add(result, loss, "n3_c5", [3, 5])
        add(result, loss, "n33_c17", [33, 17])
        add(result, loss, "n50_c10", [50, 10])
        add(result, loss, "n50_c10_near_zero", [50, 10], deviation=1e-3)
        add(result, loss, "n5_c1", [5, 1])
        add(result, loss, "extreme", [9, 5], distribution="extreme")
        add(result, loss, "large", [9, 5], deviation=100)
        add(result, loss, "equal", [3, 4], deviation=0)
    add(result, "mse", "n1_c1", [1, 1])
    add(result, "mse", "n7_c1", [7, 1])
    add(result, "mse", "n5_c3", [5, 3])
    add(result, "mse", "n33_c17", [33, 17])
    add(result, "mse", "rank3", [3, 5, 7])
    add(result, "mse", "extreme", [9, 5], distribution="extreme")
    return result


def add(result: Fixture, loss: str, name: str, shape: list, *, deviation=1.0, distribution="ordinary") -> None:
    settings = {"name": f"{loss}_{name}", "loss": loss, "shape": shape, "distribution": distribution}
    source = random_source("losses", settings["name"])
    if distribution == "extreme":
        predictions = source.choice(numpy.array([-1e4, 0, 1e4], dtype=numpy.float32), shape)
        predictions += normal(source, shape)
    else:
        predictions = normal(source, shape, 0.5, deviation)
    if loss == "mse":
        inputs = {"predictions": predictions, "targets": normal(source, shape)}
    else:
        inputs = {"predictions": predictions, "targets": source.integers(0, shape[1], shape[0])}
    result.add_case(settings, in_both_precisions(inputs, lambda inputs: results(loss, inputs)))


def results(loss: str, inputs: dict) -> dict:
    predictions, targets = inputs["predictions"].requires_grad_(), inputs["targets"]
    value = {"cross_entropy": F.cross_entropy, "svm": multiclass_svm, "mse": F.mse_loss}[loss](predictions, targets)
    value.backward()
    return {"loss": scalar(value), "gradient": predictions.grad}


def multiclass_svm(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean over rows of Σ max(0, s_j − s_y + 1) over j ≠ y: not divided by the number of classes."""
    correct = scores.gather(1, labels[:, None])
    margins = torch.relu(scores - correct + 1)
    others = torch.ones_like(margins).scatter(1, labels[:, None], 0)
    value = (margins * others).sum() / scores.shape[0]
    # PyTorch's own divides by the number of classes.
    torch.testing.assert_close(value, F.multi_margin_loss(scores, labels) * scores.shape[1])
    return value
