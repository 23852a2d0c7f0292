# left: schedul
# because: an Optax schedule counts updates; this one counts only the epochs without improvement.
import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR

torch.manual_seed(0)
model = nn.Linear(6, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
scheduler = ExponentialLR(optimizer, gamma=0.5)
train_x, val_x = torch.randn(64, 6), torch.randn(32, 6)
best = float("inf")

for _ in range(40):
    optimizer.zero_grad()
    loss = (model(train_x) - train_x.abs().sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        val_loss = (model(val_x) - val_x.abs().sum(1, keepdim=True)).pow(2).mean().item()
    if val_loss < best:
        best = val_loss
    else:
        scheduler.step()
