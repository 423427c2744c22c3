"""The twin of Transformer.swift; the block with RMS normalization is written out, since nn.TransformerEncoderLayer has none."""
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm1 = nn.RMSNorm(width)
        self.norm2 = nn.RMSNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Linear(hidden, width),
        )

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.feed_forward(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 32)
        self.blocks = nn.Sequential(Block(32, 4, 64), Block(32, 4, 64))
        self.head = nn.Linear(32, 12)

    def forward(self, x):
        return self.head(self.blocks(self.embedding(x)).mean(1))


def transformer(epochs=10):
    torch.manual_seed(0)

    def sequences(count):
        distinct = torch.stack([torch.randperm(12)[:5] for _ in range(count)])
        tokens = torch.cat([distinct, distinct[:, :1]], 1)
        order = torch.stack([torch.randperm(6) for _ in range(count)])
        return tokens.gather(1, order), distinct[:, 0]

    model = Transformer()
    (features, labels), (test, answers) = sequences(4000), sequences(500)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(features)).split(50):
            loss = nn.functional.cross_entropy(model(features[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return float((model(test).argmax(1) == answers).float().mean())


if __name__ == "__main__":
    print("accuracy:", transformer())
