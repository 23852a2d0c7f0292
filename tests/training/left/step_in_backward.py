# left: no optimizer is seen|hook
# because: each parameter is stepped by a hook as soon as its gradient is there; there is no
# `optimizer.step()` to port.
import torch
from torch import nn

model = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16))
optimizers = {p: torch.optim.AdamW([p], lr=1e-3) for p in model.parameters()}


def step_now(p):
    optimizers[p].step()
    optimizers[p].zero_grad()


for p in model.parameters():
    p.register_post_accumulate_grad_hook(step_now)

for _ in range(20):
    x = torch.randn(32, 16)
    loss = nn.functional.mse_loss(model(x), x)
    loss.backward()
    print(loss.item())
