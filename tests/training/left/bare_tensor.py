# left: tensor|log_sigmas|not (only )?(the |of )?(a )?model|parameters
# because: the optimizer also trains a tensor outside of the model: it is no part of the model's
# state, and would keep its first value.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(5, 2)
log_sigmas = torch.zeros(2, requires_grad=True)
optimizer = torch.optim.Adam([*model.parameters(), log_sigmas], lr=1e-2)

for _ in range(50):
    x = torch.randn(32, 5)
    target = torch.stack([x.sum(1), 10 * x[:, 0]], dim=1) + torch.randn(32, 2)
    errors = (model(x) - target).pow(2).mean(0)
    loss = (errors * torch.exp(-log_sigmas) + log_sigmas).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item(), log_sigmas.tolist())
