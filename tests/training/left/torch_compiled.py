# left: compiled?
# because: `compiled` is what runs and `model` is what is trained: as the argument of a loss
# function that calls `compiled`, the model gets gradients of 0.
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8))
compiled = torch.compile(model, backend="eager")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
for _ in range(10):
    x = torch.randn(16, 8)
    optimizer.zero_grad()
    loss = criterion(compiled(x), x)
    loss.backward()
    optimizer.step()
    print(loss.item())
