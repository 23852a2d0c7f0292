# left: amsgrad
# because: `optax.amsgrad` corrects the bias before it takes the maximum, torch after it.
import torch
from torch import nn

model = nn.Linear(10, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, amsgrad=True)
for _ in range(50):
    x = torch.randn(16, 10)
    y = x[:, :3].sum(1, keepdim=True)
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
