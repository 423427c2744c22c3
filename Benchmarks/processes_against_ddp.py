#!/usr/bin/env python3
"""ResNet-20 on CIFAR-10 by two processes of one thread each: Norma's, with batch normalization over both, beside PyTorch's DistributedDataParallel
over gloo, each of whose processes normalizes its own half, and Norma's one process of two threads.

    processes_against_ddp.py cifar-10-binary.tar.gz [--norma .build/release/norma] [--rounds 3] [--batch-size 128] [--shards 2]

Prints the milliseconds of a step, the median of the rounds; in each round all are run, one after the other, over the same number of steps.
PyTorch computes in channels-last layout, with its optimizer's fused loops, on images that are in memory already.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from torch import distributed
from torch.nn import functional as F

from peers.torch_worker import TorchWorker
from train_resnet20 import load


def step_of_ddp(rank, archive, batch, steps):
    """One of two processes; the first prints the seconds of a step."""
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29511")
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    worker = TorchWorker(1)
    torch.manual_seed(0)
    (x, y), _ = load(archive)
    x = ((x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)).contiguous(memory_format=torch.channels_last)
    net = torch.nn.parallel.DistributedDataParallel(worker.net("resnet20").to(memory_format=torch.channels_last).train())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, foreach=True)
    seconds = []
    for step in range(steps):
        first = step * batch + rank * (batch // 2)
        start = time.perf_counter()
        rows = torch.arange(first, first + batch // 2)
        loss = F.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    if rank == 0:
        print(statistics.median(seconds[2:]))
    distributed.destroy_process_group()


def norma(program, archive, batch, options):
    """The milliseconds of a step, of an epoch of few steps."""
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [program, "train", "--data", f"cifar10:{archive}", "--model", "resnet20", "--batch-size", str(batch), "--augment", "none",
             "--epochs", "3", "--validation", "0.9", "--checkpoints", "0", "--json", "--quiet", "--out", folder + "/out", *options],
            capture_output=True, text=True, check=True)
    history = json.loads(result.stdout)["history"]
    steps = len(history["stepLosses"]) // len(history["epochs"])
    return statistics.median(epoch["seconds"] for epoch in history["epochs"]) / steps * 1e3, steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--norma", default=os.path.join(os.path.dirname(__file__), "../.build/release/norma"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--shards", default="2")
    parser.add_argument("--ddp", type=int, nargs=2, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.ddp:
        return step_of_ddp(a.ddp[0], a.archive, a.batch_size, a.ddp[1])
    ways = {
        "Norma, 1 process of 2 threads": ["--threads", "2"],
        f"Norma, 2 processes of 1 thread, {a.shards} shards": ["--threads", "1", "--processes", "2", "--shards", a.shards],
    }
    found = {name: [] for name in [*ways, "PyTorch DDP over gloo, 2 processes of 1 thread"]}
    for _ in range(a.rounds):
        for name, options in ways.items():
            milliseconds, steps = norma(a.norma, a.archive, a.batch_size, options)
            found[name].append(milliseconds)
        own = [sys.executable, __file__, a.archive, "--batch-size", str(a.batch_size)]
        processes = [subprocess.Popen([*own, "--ddp", str(rank), str(steps)], stdout=subprocess.PIPE, text=True) for rank in range(2)]
        outputs = [process.communicate()[0] for process in processes]
        found[list(found)[-1]].append(float(outputs[0]) * 1e3)
    for name, times in found.items():
        print(f"{name}: {statistics.median(times):.1f} ms a step ({min(times):.1f} to {max(times):.1f})")


if __name__ == "__main__":
    main()
