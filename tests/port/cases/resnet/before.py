"""A small residual network that tells the direction of stripes."""
from typing import List, Optional

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, c_in: int, c_out: int, stride: int = 1,
                 downsample: Optional[nn.Module] = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += shortcut
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, block, depths: List[int], widths: List[int], n_classes: int) -> None:
        super().__init__()
        self.channels = widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(3, self.channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(self.channels),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        self.layer1 = self._stage(block, widths[0], depths[0])
        self.layer2 = self._stage(block, widths[1], depths[1], stride=2)
        self.layer3 = self._stage(block, widths[2], depths[2], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(self.channels, n_classes)
        self._initialise()

    def _stage(self, block, width: int, depth: int, stride: int = 1) -> nn.Sequential:
        out = width * block.expansion
        downsample = None
        if stride != 1 or self.channels != out:
            downsample = nn.Sequential(
                nn.Conv2d(self.channels, out, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(out),
            )
        blocks = [block(self.channels, width, stride, downsample)]
        self.channels = out
        blocks += [block(out, width) for _ in range(depth - 1)]
        return nn.Sequential(*blocks)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.constant_(module.weight, 1)
                nn.init.constant_(module.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.layer3(self.layer2(self.layer1(x)))
        x = torch.flatten(self.avgpool(x), 1)
        return self.fc(x)


def stripes(n: int, size: int = 16):
    """Waves in one of four directions, under noise."""
    rng = np.random.default_rng(0)
    direction = rng.integers(0, 4, size=n)
    angle = (direction * np.pi / 4)[:, None, None]
    yy, xx = np.mgrid[:size, :size] / size
    wave = np.sin(18 * (np.cos(angle) * xx + np.sin(angle) * yy))
    images = wave[:, None] + rng.normal(0, 0.8, size=(n, 3, size, size))
    return torch.tensor(images, dtype=torch.float32), torch.tensor(direction)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
images, directions = stripes(240)
train_set = TensorDataset(images[:192], directions[:192])
test_set = TensorDataset(images[192:], directions[192:])
train_loader = DataLoader(train_set, batch_size=16, shuffle=False)
test_loader = DataLoader(test_set, batch_size=32, shuffle=False)


def build() -> nn.Module:
    torch.manual_seed(0)
    return ResNet(BasicBlock, [1, 1, 1], [8, 16, 32], n_classes=4).to(device)


def evaluate(model: nn.Module) -> float:
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in test_loader:
            x, y = x.to(device), y.to(device)
            prediction = model(x).argmax(dim=1, keepdim=True)
            correct += prediction.eq(y.view_as(prediction)).sum().item()
    return correct / len(test_set)


def train(model: nn.Module, epochs: int = 5) -> List[float]:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[3, 4], gamma=0.1)
    losses: List[float] = []
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            x, y = x.to(device), y.to(device)
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        print(f"epoch {epoch}: loss {losses[-1]:.4f}, accuracy {evaluate(model):.3f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
