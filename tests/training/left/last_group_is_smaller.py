# left: accumulat
# because: the last step of an epoch sums two batches that were divided by four; `MultiSteps` would
# wait for two more.
import torch
import torch.nn.functional as F
from torch import nn


def train_one_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader, accumulate=4):
    model.train()
    optimizer.zero_grad()
    for i, (x, y) in enumerate(loader):
        loss = F.mse_loss(model(x), y) / accumulate
        loss.backward()
        if (i + 1) % accumulate == 0 or i + 1 == len(loader):
            optimizer.step()
            optimizer.zero_grad()


model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
loader = [(torch.randn(4, 4), torch.randn(4, 1)) for _ in range(10)]
for _ in range(3):
    train_one_epoch(model, optimizer, loader)
