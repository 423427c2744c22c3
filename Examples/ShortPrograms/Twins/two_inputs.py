"""The twin of TwoInputs.swift."""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()

        def branch():
            return nn.Sequential(
                nn.Linear(32, 32, bias=False),
                nn.BatchNorm1d(32),
                nn.ReLU(),
            )

        self.upper = branch()
        self.lower = branch()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        first = self.upper(x[:, :32])
        second = self.lower(x[:, 32:])
        return self.head(torch.cat([first, second], 1))


def two_inputs(epochs=10):
    torch.manual_seed(0)
    digits = load_digits()
    parts = train_test_split(digits.data, digits.target, test_size=360, stratify=digits.target, random_state=0)
    features, validation, labels, answers = map(torch.tensor, parts)
    mean, deviation = features.mean(), features.std(correction=0)
    features, validation = (((x - mean) / deviation).float() for x in (features, validation))
    model = TwoInputs()
    optimizer = torch.optim.Adam(model.parameters())
    best, state = 0.0, None
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(features)).split(50):
            loss = nn.functional.cross_entropy(model(features[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = float((model(validation).argmax(1) == answers).float().mean())
        if accuracy > best:
            best, state = accuracy, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(state)
    return best


if __name__ == "__main__":
    print("accuracy:", two_inputs())
