# left: zero_grad
# because: torch adds every gradient to all before it, for ever; fresh gradients at each step are
# another (and better) run, so a person must say which is meant.
import torch
from torch import nn

torch.manual_seed(1)
model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
x = torch.randn(64, 2)
y = x @ torch.tensor([[2.0], [-1.0]]) + 0.5

for epoch in range(50):
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 10 == 0:
        print(epoch, loss.item())
