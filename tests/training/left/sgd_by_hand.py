# left: `?\.grad`?|by hand|without (an )?optimizer|no optimizer
# because: there is no optimizer: the loop over the parameters is the step, and reads `p.grad`.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
lr = 0.05
x = torch.linspace(-2, 2, 64)[:, None]
y = x**2
for t in range(200):
    loss = (model(x) - y).pow(2).mean()
    if t % 50 == 49:
        print(t, loss.item())
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for param in model.parameters():
            param -= lr * param.grad
