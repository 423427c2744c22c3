"""The twin of FineTuning.swift."""
import torch
from sklearn.datasets import load_digits
from torch import nn


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, ratio):
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // ratio)
        self.fc2 = nn.Linear(channels // ratio, channels)

    def forward(self, x):
        factors = torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3))))))
        return x * factors[:, :, None, None]


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcitation(channels, 4),
        )

    def forward(self, x):
        return torch.relu(x + self.body(x))


def fine_tuning(epochs=10):
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Block(16),
        Block(16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(load_digits().target)

    def part(digits, rows):
        rows = [row for row in rows if int(labels[row]) in digits]
        return images[rows], labels[rows] - digits.start

    def train(head, digits, is_frozen):
        model = nn.Sequential(backbone, head)
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
        features, answers = part(digits, range(1400))
        for _ in range(epochs):
            model.train()
            if is_frozen:
                backbone.eval()
            for rows in torch.randperm(len(features)).split(50):
                loss = nn.functional.cross_entropy(model(features[rows]), answers[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        model.eval()
        features, answers = part(digits, range(1400, 1797))
        with torch.no_grad():
            return float((model(features).argmax(1) == answers).float().mean())

    train(nn.Linear(16, 8), range(8), False)
    for parameter in backbone.parameters():
        parameter.requires_grad_(False)
    return train(nn.Linear(16, 2), range(8, 10), True)


if __name__ == "__main__":
    print("accuracy:", fine_tuning())
