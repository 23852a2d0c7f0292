# left: hook
# because: the hook fills `seen` during `backward`; under JAX it stays empty and `max` raises.
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
seen = []
for _ in range(10):
    x = torch.randn(6, 4)
    hidden = model[1](model[0](x))
    hidden.register_hook(lambda grad: seen.append(grad.abs().max().item()))
    loss = model[2](hidden).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("largest gradient of the hidden layer:", max(seen))
