# left: zero_grad
# because: the gradients are thrown away between `backward` and `step`: torch trains nothing here,
# the port would.
import torch
from torch import nn

model = nn.Linear(3, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for epoch in range(10):
    x = torch.randn(16, 3)
    loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    print(epoch, loss.item())
