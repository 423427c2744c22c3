"""Losses and their gradients, for classes and for numbers."""

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
    for loss in ["smoothed", "focal", "focal_half"]:
        add(result, loss, "n3_c5", [3, 5])
        add(result, loss, "n33_c17", [33, 17])
        add(result, loss, "extreme", [9, 5], distribution="extreme")
    for loss in ["huber", "bce"]:
        add(result, loss, "n7_c1", [7, 1])
        add(result, loss, "n33_c17", [33, 17])
        add(result, loss, "extreme", [9, 5], distribution="extreme")
    for loss in ["weighted_cross_entropy", "weighted_mse", "weighted_bce"]:
        add(result, loss, "n33_c17", [33, 17])
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
    kind = loss.removeprefix("weighted_")
    if kind in ("mse", "huber"):
        inputs = {"predictions": predictions, "targets": normal(source, shape)}
    elif kind == "bce":
        inputs = {"predictions": predictions, "targets": source.random(shape, dtype=numpy.float32)}
    else:
        inputs = {"predictions": predictions, "targets": source.integers(0, shape[1], shape[0])}
    if loss != kind:
        # Whole numbers, so that their sum is exact, and one of them 0.
        inputs["weights"] = numpy.arange(shape[0]).astype(numpy.float32) % 5
    result.add_case(settings, in_both_precisions(inputs, lambda inputs: results(loss, inputs)))


def results(loss: str, inputs: dict) -> dict:
    predictions, targets = inputs["predictions"].requires_grad_(), inputs["targets"]
    if "weights" in inputs:
        rows = {"cross_entropy": F.cross_entropy, "mse": F.mse_loss, "bce": F.binary_cross_entropy_with_logits}[
            loss.removeprefix("weighted_")](predictions, targets, reduction="none")
        rows = rows.reshape(rows.shape[0], -1).mean(1)
        value = (inputs["weights"] * rows).sum() / inputs["weights"].sum()
    else:
        value = {
            "cross_entropy": F.cross_entropy, "svm": multiclass_svm, "mse": F.mse_loss,
            "smoothed": lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1), "focal": lambda x, t: focal(x, t, 2),
            "focal_half": lambda x, t: focal(x, t, 0.5), "huber": lambda x, t: F.huber_loss(x, t, delta=0.75),
            "bce": F.binary_cross_entropy_with_logits,
        }[loss](predictions, targets)
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


def focal(scores: torch.Tensor, labels: torch.Tensor, focus: float) -> torch.Tensor:
    """Equation 4 of Lin et al., "Focal Loss for Dense Object Detection" (2017), which PyTorch does not have.

    1 − p is summed up from the other classes, so that it is exact where p is nearly 1.
    """
    log_probabilities = F.log_softmax(scores, 1)
    others = log_probabilities.exp().scatter(1, labels[:, None], 0).sum(1)
    loss = -log_probabilities.gather(1, labels[:, None])[:, 0]
    # Where nothing is left of 1 − p, the gradient of a root would be infinite times 0.
    safe = torch.where(others > 0, others, torch.ones_like(others))
    return (torch.where(others > 0, safe**focus, torch.zeros_like(others)) * loss).mean()
