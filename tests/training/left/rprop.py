# left: Rprop|rprop
# because: `optax.rprop` applies each update one step late.
import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-1, 1, 100)[:, None]
y = torch.sin(3 * x)
model = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1))
optimizer = torch.optim.Rprop(model.parameters(), lr=0.01)
for _ in range(100):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
print(loss.item())
