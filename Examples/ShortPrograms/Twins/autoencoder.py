"""The twin of Autoencoder.swift."""
import torch
from sklearn.datasets import load_digits
from torch import nn


def autoencoder(epochs=20):
    torch.manual_seed(0)
    pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    images = pixels.reshape(-1, 1, 8, 8)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 4, 4, stride=2, padding=1),
        nn.ConvTranspose2d(4, 8, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
        nn.Flatten(),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(images)).split(50):
            loss = nn.functional.mse_loss(model(images[rows]), pixels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        loss = nn.functional.mse_loss(model(images), pixels)
    return 1 - float(loss / pixels.var(correction=0))


if __name__ == "__main__":
    print("variance found again:", autoencoder())
