"""A small DenseNet that tells crosses, squares and discs: a layer reads all layers before it."""
from typing import List

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class DenseLayer(nn.Module):
    """A 1x1 convolution to a few channels and a 3x3 convolution to `growth` new ones."""

    def __init__(self, c_in: int, growth: int, p_drop: float = 0.0):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c_in)
        self.squeeze = nn.Conv2d(c_in, 2 * growth, kernel_size=1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * growth)
        self.conv = nn.Conv2d(2 * growth, growth, kernel_size=3, padding=1, bias=False)
        self.p_drop = p_drop

    def forward(self, features: List[Tensor]) -> Tensor:
        x = torch.cat(features, 1)
        x = self.squeeze(F.relu(self.bn1(x)))
        x = self.conv(F.relu(self.bn2(x)))
        if self.p_drop > 0:
            x = F.dropout(x, p=self.p_drop, training=self.training)
        return x


class DenseBlock(nn.Module):
    def __init__(self, n_layers: int, c_in: int, growth: int):
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(n_layers):
            self.layers.append(DenseLayer(c_in + i * growth, growth))
        self.c_out = c_in + n_layers * growth

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return torch.cat(features, 1)


class Transition(nn.Sequential):
    """Half of the channels, at half of the size."""

    def __init__(self, c_in: int):
        super().__init__(
            nn.BatchNorm2d(c_in),
            nn.ReLU(inplace=True),
            nn.Conv2d(c_in, c_in // 2, kernel_size=1, bias=False),
            nn.AvgPool2d(kernel_size=2, stride=2),
        )


class DenseNet(nn.Module):
    def __init__(self, growth: int = 6, depths=(2, 3), n_classes: int = 3):
        super().__init__()
        channels = 2 * growth
        self.stem = nn.Conv2d(1, channels, kernel_size=3, padding=1, bias=False)
        stages = []
        for i, depth in enumerate(depths):
            if i > 0:
                stages.append(Transition(channels))
                channels //= 2
            block = DenseBlock(depth, channels, growth)
            stages.append(block)
            channels = block.c_out
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, n_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
            elif isinstance(m, nn.Linear):
                nn.init.constant_(m.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stages(self.stem(x))), inplace=True)
        x = F.adaptive_avg_pool2d(x, (1, 1))
        return self.classifier(x.view(x.size(0), -1))


def shapes(n, size=9):
    """A cross, a square or a disc at a random place, in noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=n)
    cy, cx = rng.integers(3, size - 3, size=(2, n, 1, 1))
    yy, xx = np.mgrid[:size, :size]
    dy, dx = np.abs(yy - cy), np.abs(xx - cx)
    cross = ((dy == 0) | (dx == 0)) & (np.maximum(dy, dx) <= 2)
    square = np.maximum(dy, dx) == 2
    disc = dy ** 2 + dx ** 2 <= 5
    images = np.choose(labels[:, None, None], [cross, square, disc]).astype(np.float32)
    images += rng.normal(0, 0.4, size=images.shape).astype(np.float32)
    return torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels)


torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
images, labels = shapes(208)
train_batches = [(images[i:i + 16], labels[i:i + 16]) for i in range(0, 160, 16)]
val_images, val_labels = images[160:], labels[160:]


def build():
    return DenseNet().to(device)


def train(model, n_epochs=5):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.01, epochs=n_epochs, steps_per_epoch=len(train_batches),
        cycle_momentum=False)
    losses = []
    for epoch in range(n_epochs):
        model.train()
        for x, y in train_batches:
            x, y = x.to(device), y.to(device)
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        print("epoch [%d/%d]  loss %.4f  error %.4f"
              % (epoch + 1, n_epochs, losses[-1], error_rate(model)))
    return losses


def error_rate(model):
    model.eval()
    with torch.no_grad():
        _, found = model(val_images.to(device)).cpu().topk(1, dim=1)
        return torch.ne(found.squeeze(1), val_labels).float().mean().item()


if __name__ == "__main__":
    model = build()
    losses = train(model)
