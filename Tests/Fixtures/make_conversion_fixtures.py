"""Makes Tests/Fixtures/conversion: state dictionaries of PyTorch, and what the networks they belong to compute.

    python Tests/Fixtures/make_conversion_fixtures.py [FOLDER]

Needs torch, numpy and safetensors; the committed files were made with torch 2.13.0 (CPU), numpy 2.4.6 and safetensors
0.8.0. A second run writes the same bytes; another version of PyTorch or another processor may differ in the last digits.

For each network NAME:
- NAME.safetensors is its state dictionary, with trained weights and running statistics; of resnet20 only the running
  statistics, since its weights are hashed by their names (parity_topics/hashed_numbers.py);
- expected.safetensors holds `NAME.x`, images with their channels last, and `NAME.y`, in float64, what PyTorch's network
  makes of them in double precision, in inference.

convnet.npz is the state dictionary of convnet, saved with numpy.savez. mlp.pt is a checkpoint in which that of mlp is a part
of a module with a loss.
"""

import pathlib
import sys
from collections import OrderedDict

import numpy
import torch
from safetensors.torch import save_file
from torch import nn

from parity_topics.hashed_numbers import hashed_values
from parity_topics.residual_network import ResidualNetwork

BATCH = 16


def mlp():
    """Norma's mlp:12,9, samples of 10 features."""
    return nn.Sequential(
        nn.Linear(10, 12, bias=False), nn.BatchNorm1d(12), nn.ReLU(),
        nn.Linear(12, 9, bias=False), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 4))


def mlp_biased():
    """The same with the biases that nn.Linear has unless told otherwise, and dropout."""
    return nn.Sequential(
        nn.Linear(10, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.25),
        nn.Linear(12, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.25), nn.Linear(9, 4))


def mlp_images():
    """Norma's mlp:8, samples of shape [4, 5, 3]."""
    return nn.Sequential(nn.Flatten(), nn.Linear(60, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))


def convnet():
    """Norma's convnet:5x3,7, samples of shape [6, 8, 3]."""
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(3, 5, 3, padding=1, bias=False), norm1=nn.BatchNorm2d(5), activation1=nn.ReLU(),
        pool=nn.MaxPool2d(2), flatten=nn.Flatten(), fc1=nn.Linear(60, 7, bias=False), norm2=nn.BatchNorm1d(7),
        activation2=nn.ReLU(), fc2=nn.Linear(7, 4)))


def resnet20():
    """Norma's resnet20, samples of shape [32, 32, 3]; all of its weights, gamma and beta are hashed by their names."""
    net = ResidualNetwork(20)
    for name, parameter in net.named_parameters():
        bound = (6 / parameter[0].numel()) ** 0.5 if parameter.dim() > 1 else 0.5
        values = hashed_values(name, parameter.shape, bound)
        is_gamma = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = torch.from_numpy(values + numpy.float32(1) if is_gamma else values)
    return net


# Each network with the shape of its samples, channels last.
NETWORKS = {
    mlp: [10], mlp_biased: [10], mlp_images: [4, 5, 3], convnet: [6, 8, 3], resnet20: [32, 32, 3],
}


def images(name, shape):
    """A batch with its channels last."""
    return torch.from_numpy(hashed_values(name, [BATCH] + shape, 2))


def channels_first(x):
    return x.permute(0, 3, 1, 2).contiguous() if x.dim() == 4 else x


def train(net, name, shape):
    """Some steps of training, or for the hashed network only the gathering of running statistics."""
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for step in range(4):
        x = channels_first(images(f"{name}.{step}", shape))
        if name == "resnet20":
            with torch.no_grad():
                net(x)
            continue
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), torch.arange(BATCH) % 4).backward()
        optimizer.step()
    return net.eval()


def make(folder):
    expected = {}
    for constructor, shape in NETWORKS.items():
        name = constructor.__name__
        torch.manual_seed(0)
        net = train(constructor(), name, shape)
        state = net.state_dict()
        if name == "resnet20":
            state = {key: value for key, value in state.items() if key.rpartition(".")[2] not in ("weight", "bias")}
        save_file(state, folder / f"{name}.safetensors", metadata={"format": "pt"})
        if name == "mlp":
            part = OrderedDict((f"model.{key}", value) for key, value in state.items())
            torch.save({"epoch": 4, "state_dict": part | {"loss.weight": torch.ones(4)}}, folder / "mlp.pt")
        if name == "convnet":
            numpy.savez(folder / "convnet.npz", **{key: value.numpy() for key, value in state.items()})
        x = images(f"{name}.x", shape)[:4]
        with torch.no_grad():
            expected[f"{name}.y"] = net.double()(channels_first(x.double()))
        expected[f"{name}.x"] = x
    save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "conversion"
    target.mkdir(exist_ok=True)
    make(target)
