"""The twin of GradientPenalty.swift."""
import math

import torch
from torch import nn


def gradient_penalty(steps=600):
    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.Linear(2, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, 2),
    )
    critic = nn.Sequential(
        nn.Linear(2, 64),
        nn.LayerNorm(64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, 1),
    )
    forger = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    judge = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.999))
    for step in range(3 * steps):
        noise = torch.randn(64, 2)
        angles = 2 * math.pi * torch.rand(64)
        circle = torch.stack([angles.cos(), angles.sin()], 1)
        fake = generator(noise).detach()
        share = torch.rand(64, 1)
        between = (fake + share * (circle - fake)).requires_grad_()
        slopes = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
        penalty = ((slopes.norm(dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(circle).mean() + 10 * penalty
        judge.zero_grad()
        loss.backward()
        judge.step()
        if step % 3 != 2:
            continue
        for parameter in critic.parameters():
            parameter.requires_grad_(False)
        loss = -critic(generator(noise)).mean()
        forger.zero_grad()
        loss.backward()
        forger.step()
        for parameter in critic.parameters():
            parameter.requires_grad_(True)
    generator.eval()
    with torch.no_grad():
        return float(generator(torch.randn(1000, 2)).norm(dim=1).mean())


if __name__ == "__main__":
    print("mean distance from the centre of a circle of radius 1:", gradient_penalty())
