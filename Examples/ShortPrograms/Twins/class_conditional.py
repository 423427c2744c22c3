"""The twin of ClassConditional.swift."""
import torch
from sklearn.datasets import load_digits
from torch import nn


class ConditionalBatchNorm(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels, affine=False)
        self.scale = nn.Embedding(classes, channels)
        self.shift = nn.Embedding(classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x, label):
        return self.norm(x) * self.scale(label) + self.shift(label)


class ClassConditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(64, 2)
        self.first = nn.Linear(2, 64, bias=False)
        self.norm = ConditionalBatchNorm(64, classes=10)
        self.last = nn.Linear(64, 64)

    def forward(self, x, label):
        hidden = self.first(self.encoder(x))
        return self.last(self.norm(hidden, label).relu())


def class_conditional(epochs=20):
    torch.manual_seed(0)
    digits = load_digits()
    pixels = torch.tensor(digits.data / 16, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    model = ClassConditional()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(pixels)).split(50):
            loss = nn.functional.mse_loss(model(pixels[rows], labels[rows]), pixels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        loss = nn.functional.mse_loss(model(pixels, labels), pixels)
    return float(1 - loss / pixels.var(correction=0))


if __name__ == "__main__":
    print("variance found again:", class_conditional())
