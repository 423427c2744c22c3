#!/usr/bin/env python3
"""ResNet-20 on CIFAR-10 in PyTorch, with the recipe that `norma train --model resnet20 --norm batch` has by default.

    train_resnet20.py cifar-10-binary.tar.gz [--epochs 10] [--batch-size 64] [--validation 0.1] [--threads 2] [--seed 0]
        [--learning-rate 0.1] [--schedule cosine] [--mixup 0.1] [--label-smoothing 0.1] [--average 0.995]

Nesterov's momentum 0.9 at a rate of 0.1 that falls to 0 as a cosine over the epochs, batches of 64, an L2 penalty of 5e-4
on the weights of convolutions and the linear layer, images standardized by channel, padded by 4 pixels of the mean and
cropped, and flipped by chance. A tenth of the training images is set aside. Prints the loss of each epoch, and at the end the
accuracy on the test images and on those set aside. The other options are those of `norma train`, with PyTorch's own one-cycle
schedule, label smoothing and averaged model.
"""
import argparse
import copy
import math
import re
import tarfile
import time

import torch
from torch import nn
from torch.nn import functional as F

from peers.torch_worker import TorchWorker


def load(path):
    """Training and test images `[N, 3, 32, 32]` and their labels."""
    parts = {"train": [], "test": []}
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            name = member.name.rsplit("/", 1)[-1]
            if match := re.fullmatch(r"(data_batch_\d+|test_batch)\.bin", name):
                data = torch.frombuffer(bytearray(archive.extractfile(member).read()), dtype=torch.uint8).view(-1, 3073)
                parts["test" if match[1] == "test_batch" else "train"].append(data)
    return [(torch.cat(p)[:, 1:].view(-1, 3, 32, 32).float(), torch.cat(p)[:, 0].long())
            for p in (parts["train"], parts["test"])]


def augment(x):
    """Random crops of padded images, and flips."""
    padded = F.pad(x, (4, 4, 4, 4))
    rows, columns = torch.randint(0, 9, (2, len(x)))
    flips = torch.rand(len(x)) < 0.5
    return torch.stack([
        image[:, r:r + 32, c:c + 32].flip(2) if flip else image[:, r:r + 32, c:c + 32]
        for image, r, c, flip in zip(padded, rows.tolist(), columns.tolist(), flips.tolist())])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("archive")
    ap.add_argument("--epochs", type=int, default=10)
    ap.add_argument("--batch-size", type=int, default=64)
    ap.add_argument("--validation", type=float, default=0.1, help="the share of the training images to set aside")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--learning-rate", type=float, default=0.1)
    ap.add_argument("--schedule", choices=("cosine", "one-cycle"), default="cosine")
    ap.add_argument("--mixup", type=float, help="both numbers of the beta distribution that shares are drawn from")
    ap.add_argument("--label-smoothing", type=float, default=0)
    ap.add_argument("--average", type=float, help="what the exponential mean of weights and statistics keeps at each step")
    a = ap.parse_args()
    worker = TorchWorker(a.threads)
    torch.manual_seed(a.seed)
    (x, y), (test_x, test_y) = load(a.archive)
    order = torch.randperm(len(x))
    aside, rest = order.split([count := round(a.validation * len(x)), len(x) - count])
    (aside_x, aside_y), (x, y) = ((x[rows], y[rows]) for rows in (aside, rest))
    mean, deviation = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True, correction=0)
    x, test_x, aside_x = ((images - mean) / deviation for images in (x, test_x, aside_x))
    net = worker.net("resnet20")
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    net = net.to(memory_format=torch.channels_last)
    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    optimizer = torch.optim.SGD([dict(params=weights, weight_decay=5e-4), dict(params=others)], lr=a.learning_rate,
                                momentum=0.9, nesterov=True)
    steps = a.epochs * math.ceil(len(x) / a.batch_size)
    cycle = None
    if a.schedule == "one-cycle":
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, a.learning_rate, steps, cycle_momentum=False)
    shares = torch.distributions.Beta(a.mixup, a.mixup) if a.mixup else None
    mean_net, taken = copy.deepcopy(net) if a.average else None, 0
    begin = time.time()
    for epoch in range(a.epochs):
        if cycle is None:
            for group in optimizer.param_groups:
                group["lr"] = a.learning_rate * (1 + math.cos(math.pi * epoch / a.epochs)) / 2
        net.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(a.batch_size):
            optimizer.zero_grad()
            images = augment(x[rows]).contiguous(memory_format=torch.channels_last)
            share, order = 1.0, None
            if shares is not None:
                share, order = shares.sample().item(), torch.randperm(len(rows))
                images = share * images + (1 - share) * images[order]
            outputs = net(images)
            loss = F.cross_entropy(outputs, y[rows], label_smoothing=a.label_smoothing)
            if order is not None:
                other = F.cross_entropy(outputs, y[rows][order], label_smoothing=a.label_smoothing)
                loss = share * loss + (1 - share) * other
            loss.backward()
            optimizer.step()
            if cycle is not None:
                cycle.step()
            if mean_net is not None:
                taken += 1
                weight = max(1 - a.average, 1 / taken)
                with torch.no_grad():
                    for mean_value, value in zip(mean_net.state_dict().values(), net.state_dict().values()):
                        if value.is_floating_point():
                            mean_value.lerp_(value, weight)
            total += loss.item() * len(rows)
        print(f"epoch {epoch + 1}: loss {total / len(x):.4f}, {time.time() - begin:.0f} s", flush=True)
    net = mean_net or net
    net.eval()
    for name, images, labels in (("test", test_x, test_y), ("set aside", aside_x, aside_y)):
        with torch.no_grad():
            right = sum((net(part).argmax(1) == answer).sum().item()
                        for part, answer in zip(images.split(256), labels.split(256)))
        if len(labels):
            print(f"{name}: accuracy {right / len(labels):.4f} of {len(labels)} images, {len(x)} to learn from")


if __name__ == "__main__":
    main()
