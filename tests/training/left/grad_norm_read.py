# left: `?\.grad`?|gradients? .*(read|by hand)
# because: JAX leaves nothing in `p.grad`; the norm would be that of an empty list, 0.
import torch
from torch import nn


def total_norm(parameters):
    norms = [p.grad.detach().norm(2) for p in parameters if p.grad is not None]
    return torch.stack(norms).norm(2).item() if norms else 0.0


model = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
history = []
for _ in range(20):
    x = torch.randn(8, 3)
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    history.append({"loss": loss.item(), "grad_norm": total_norm(model.parameters())})
    optimizer.step()
print(history[-1])
