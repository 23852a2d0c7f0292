# left: schedul|get_last_lr|learning rate
# because: an Optax schedule has no last value to ask for; the scheduler object that is asked would
# be one that nobody steps any more.
import torch
from torch import nn, optim

model = nn.Linear(3, 3)
optimizer = optim.AdamW(model.parameters(), lr=1e-2)
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
log = []
for step in range(20):
    x = torch.randn(8, 3)
    loss = nn.functional.mse_loss(model(x), x**2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    log.append({"step": step, "loss": loss.item(), "lr": scheduler.get_last_lr()[0]})
print(log[-1])
