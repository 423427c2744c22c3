"""The twin of GenerativeAdversarialNetwork.swift."""
import math

import torch
from torch import nn


def gan(steps=3000):
    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.Linear(2, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, 2),
    )
    discriminator = nn.Sequential(
        nn.Linear(2, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, 1),
    )
    forger = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    judge = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    real, forged = torch.ones(64, 1), torch.zeros(64, 1)
    for _ in range(steps):
        noise = torch.randn(64, 2)
        angles = 2 * math.pi * torch.rand(64)
        circle = torch.stack([angles.cos(), angles.sin()], 1)
        fake = generator(noise).detach()
        loss = criterion(discriminator(torch.cat([circle, fake])), torch.cat([real, forged]))
        judge.zero_grad()
        loss.backward()
        judge.step()
        for parameter in discriminator.parameters():
            parameter.requires_grad_(False)
        loss = criterion(discriminator(generator(noise)), real)
        forger.zero_grad()
        loss.backward()
        forger.step()
        for parameter in discriminator.parameters():
            parameter.requires_grad_(True)
    generator.eval()
    with torch.no_grad():
        return float(generator(torch.randn(1000, 2)).norm(dim=1).mean())


if __name__ == "__main__":
    print("mean distance from the centre of a circle of radius 1:", gan())
