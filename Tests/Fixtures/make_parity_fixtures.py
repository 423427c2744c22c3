#!/usr/bin/env python3
"""Writes the files under Tests/Fixtures/parity: what PyTorch computes, for the tests to hold Norma against.

Needs torch, numpy and safetensors, and timm for the topics forms, weights and clipping. README.md beside this script describes every file.

    python Tests/Fixtures/make_parity_fixtures.py [--digits PATH] [--only TOPIC ...]
"""

import argparse
from pathlib import Path

import numpy
import safetensors
import torch

from parity_topics import (
    activations, batch_norm, channels, clipping, conditioned, convolution, forms, group_norm, initialization, layer_norm,
    learning_rates, linear, losses, operations, optimizers, pooling, residual_network, resizing, rms_norm,
    second_gradients, signals, statistics, trajectory, transformer, transposed_convolution, weights, whitening)

FIXTURES = Path(__file__).resolve().parent
PROJECT = FIXTURES.parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--digits", type=Path, default=PROJECT.parent / "shared/data/digits/digits.csv.gz",
        help="the digits: 64 numbers and the label a row, CSV, gzip (default: %(default)s)")
    parser.add_argument("--only", nargs="+", metavar="TOPIC", help="write these topics alone")
    arguments = parser.parse_args()

    topics = {
        "batch_norm": batch_norm.plain_cases,
        "batch_norm_relu": batch_norm.relu_cases,
        "layer_norm": layer_norm.cases,
        "group_norm": group_norm.cases,
        "rms_norm": rms_norm.cases,
        "statistics": statistics.cases,
        "forms": forms.cases,
        "losses": losses.cases,
        "activations": activations.cases,
        "linear": linear.cases,
        "operations": operations.cases,
        "convolution": convolution.cases,
        "transposed_convolution": transposed_convolution.cases,
        "pooling": pooling.cases,
        "signals": signals.cases,
        "resizing": resizing.cases,
        "channels": channels.cases,
        "transformer": transformer.cases,
        "weights": weights.cases,
        "clipping": clipping.cases,
        "conditioned": conditioned.cases,
        "whitening": whitening.cases,
        "second_gradients": second_gradients.cases,
        "optimizers": optimizers.cases,
        "learning_rates": learning_rates.cases,
        "trajectory": lambda: trajectory.cases(arguments.digits),
        "residual_network": residual_network.cases,
        "initialization": initialization.cases,
    }
    unknown = set(arguments.only or []) - set(topics)
    if unknown:
        parser.error(f"no topic {', '.join(sorted(unknown))}; there are {', '.join(topics)}")

    # One thread and the same algorithms every time: a second run writes the same bytes.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print(f"torch {torch.__version__}, numpy {numpy.__version__}, safetensors {safetensors.__version__}")

    directory = FIXTURES / "parity"
    directory.mkdir(exist_ok=True)
    for topic in arguments.only or topics:
        fixture = topics[topic]()
        path = directory / f"{topic}.safetensors"
        fixture.write(path)
        print(f"{path.name}: {len(fixture.cases)} cases, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
