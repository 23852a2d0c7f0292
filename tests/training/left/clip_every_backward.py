# left: clip|accumulat
# because: the running sum is clipped after each backward; in a chain under `MultiSteps` the mean is
# clipped once.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.MSELoss()
optimizer.zero_grad()

for i in range(40):
    x = torch.randn(4, 12)
    loss = criterion(model(x), x.sum(1, keepdim=True))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.5)
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
