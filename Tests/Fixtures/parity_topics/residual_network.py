"""Twenty training steps of ResNet-20 on 32×32 images; weights and images are hashed, so that they need not be stored."""

import numpy
import torch
import torch.nn.functional as F

from .fixture import PRECISIONS, Fixture
from .hashed_numbers import hashed_labels, hashed_values

CLASSES = 10
MOMENTUM = 0.9


class Block(torch.nn.Module):
    """The basic block of He and others (2015), with torchvision's names."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False), torch.nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResidualNetwork(torch.nn.Module):
    """Depth 6n + 2 for CIFAR-10: three stages of n blocks, projections where the shape changes."""

    def __init__(self, depth: int):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(16)
        inputs = 16
        for stage, outputs in enumerate([16, 32, 64]):
            blocks = []
            for block in range((depth - 2) // 6):
                blocks.append(Block(inputs, outputs, 2 if stage > 0 and block == 0 else 1))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(64, CLASSES)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean(dim=(2, 3)))


def cases() -> Fixture:
    result = Fixture()
    for name, depth, learning_rate, steps, batch_size in [
        # Slow enough that a Float run can follow; and at the usual rate, for Double.
        ("slow", 20, 5e-4, 20, 128),
        ("small", 20, 0.1, 10, 8),
    ]:
        settings = {
            "name": name, "depth": depth, "learning_rate": learning_rate, "momentum": MOMENTUM, "steps": steps,
            "batch_size": batch_size, "classes": CLASSES}
        tensors = {}
        for tag, dtype in PRECISIONS.items():
            net = make_net(depth).to(dtype)
            if tag == "f32":
                tensors["checksums"] = checksums(net, settings)
            tensors[f"{tag}.loss"] = train(settings, net, dtype)
            for parameter, tensor in net.state_dict().items():
                if parameter.endswith(("running_mean", "running_var")):
                    tensors[f"{tag}.final.{parameter}"] = tensor
        result.add_case(settings, tensors)
    return result


def make_net(depth: int) -> ResidualNetwork:
    """Weights hashed by their names, even over ±√(6 / fan-in); biases 0, gammas 1, betas 0."""
    net = ResidualNetwork(depth)
    for name, parameter in net.named_parameters():
        if parameter.dim() > 1:
            bound = (6 / parameter[0].numel()) ** 0.5
            parameter.data = torch.from_numpy(hashed_values(name, parameter.shape, bound))
    torch.nn.init.zeros_(net.fc.bias)
    return net


def batch(step: int, size: int):
    """Images [size, 3, 32, 32] as float32, and their labels.

    An image is a pattern of its class, 4×4 fields of three channels, under noise three times as strong.
    """
    labels = hashed_labels(f"labels.{step}", size, CLASSES)
    patterns = hashed_values("patterns", [CLASSES, 4, 4, 3]).repeat(8, axis=1).repeat(8, axis=2)
    noise = hashed_values(f"noise.{step}", [size, 32, 32, 3])
    images = patterns[labels] + noise * numpy.float32(3)
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)


def checksums(net: ResidualNetwork, settings: dict) -> numpy.ndarray:
    """The sums, in float64, of all weights, of all images and of all labels, for the tests to know that theirs are the same."""
    weights = sum(p.detach().double().sum().item() for p in net.parameters() if p.dim() > 1)
    batches = [batch(step, settings["batch_size"]) for step in range(settings["steps"])]
    images = sum(images.double().sum().item() for images, _ in batches)
    return numpy.array([weights, images, sum(labels.sum().item() for _, labels in batches)])


def train(settings: dict, net: torch.nn.Module, dtype: torch.dtype) -> torch.Tensor:
    """Trains the net in place; the loss of each step, before its update."""
    optimizer = torch.optim.SGD(net.parameters(), lr=settings["learning_rate"], momentum=settings["momentum"])
    losses = []
    for step in range(settings["steps"]):
        images, labels = batch(step, settings["batch_size"])
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images.to(dtype)), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)
