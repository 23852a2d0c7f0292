# left: before the loop|outside|earlier|same graph|accumulat|where the loss|traced? back
# because: all outputs are made before the first `backward`; a loss function of one of them has a
# constant in the output's place, and gradients of 0.
import torch
from torch import nn


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, parts, targets):
    outputs = [model(part) for part in parts]
    scale = torch.stack([o.detach().abs().mean() for o in outputs]).max()
    optimizer.zero_grad()
    total = 0.0
    for output, target in zip(outputs, targets, strict=True):
        loss = nn.functional.l1_loss(output / scale, target)
        loss.backward()
        total += loss.item()
    optimizer.step()
    return total


model = nn.Linear(3, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(20):
    print(train_step(model, optimizer, list(torch.randn(4, 8, 3)), list(torch.randn(4, 8, 3))))
