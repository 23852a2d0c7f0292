"""A small segmentation network with its training, as it stands before a migration."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Block(nn.Module):
    """Two convolutions with a batch norm behind each."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        training = self.training
        x = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(x)))


class Segmenter(nn.Module):
    """Images of shape (batch, channels, height, width) to one score a class and pixel."""

    def __init__(self, channels: int, classes: int, mean, scale) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.register_buffer("seen", torch.zeros(classes), persistent=False)
        self.register_parameter("temperature", nn.Parameter(torch.ones(())))
        self.down = Block(channels, 16)
        self.pool = nn.MaxPool2d(2)
        self.inner = Block(16, 32)
        self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.head = nn.Conv2d(16, classes, 1)

    def forward(self, x):
        x = (x - self.mean) / self.scale
        x = self.down(x)
        x = x + self.up(self.inner(self.pool(x)))
        return self.head(x) * self.temperature


def count_parameters(model: Segmenter) -> int:
    total = 0
    for parameter in model.parameters():
        total += parameter.numel()
    return total


def copy_weights(source: Segmenter, target: Segmenter) -> None:
    """Start one network from the other's values."""
    target.load_state_dict(source.state_dict())


def average(model: Segmenter, shadow: Segmenter, decay: float) -> None:
    with torch.no_grad():
        for ours, theirs in zip(shadow.parameters(), model.parameters()):
            ours.mul_(decay).add_(theirs, alpha=1 - decay)


def save(model: Segmenter, path: str) -> None:
    torch.save({"model": model.state_dict(), "version": 2}, path)


def restore(model: Segmenter, path: str) -> None:
    checkpoint = torch.load(path)
    model.load_state_dict(checkpoint["model"])


def train(model: Segmenter, loader: DataLoader, epochs: int, rate: float):
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    criterion = nn.CrossEntropyLoss()
    history = []
    for _ in range(epochs):
        total = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        history.append(total / len(loader))
    return history


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1e-3)
    arguments = parser.parse_args()
    data = TensorDataset(torch.randn(64, 3, 32, 32), torch.randint(0, 4, (64, 32, 32)))
    model = Segmenter(3, 4, torch.zeros(3, 1, 1), torch.ones(3, 1, 1))
    print(count_parameters(model), "parameters")
    train(model, DataLoader(data, batch_size=8, shuffle=True), arguments.epochs, arguments.rate)
    save(model, "segmenter.pt")


if __name__ == "__main__":
    main()
