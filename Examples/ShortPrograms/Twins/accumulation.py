"""The twin of Accumulation.swift, as far as PyTorch goes: its batch normalization has no joint moments without several processes."""
import torch
from sklearn.datasets import load_digits
from torch import nn


def accumulation():
    features = torch.tensor(load_digits().data[:320], dtype=torch.float64)
    labels = torch.tensor(load_digits().target[:320])

    def train(parts):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(64, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Linear(32, 10),
        ).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            for rows in torch.arange(320).chunk(parts):
                loss = nn.functional.cross_entropy(model(features[rows]), labels[rows])
                (loss / parts).backward()
            optimizer.step()
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    return float((train(4) - train(1)).abs().max())


if __name__ == "__main__":
    print("furthest from the whole batch, each part by itself:", accumulation())
