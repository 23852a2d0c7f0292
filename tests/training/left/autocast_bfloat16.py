# left: autocast|mixed precision|half precision
# because: without autocast the matrix products run in float32, so every loss is another number.
import torch
import torch.nn.functional as F
from torch import nn


def train(model: nn.Module, batches, lr=0.01):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(x)
            loss = F.cross_entropy(logits, y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


batches = [(torch.randn(16, 10), torch.randint(0, 4, (16,))) for _ in range(10)]
print(train(nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 4)), batches))
