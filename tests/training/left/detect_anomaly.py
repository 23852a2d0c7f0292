# left: anomaly
# because: a NaN in the backward pass raises here; the port would train on with NaNs.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for step in range(20):
    x = torch.randn(8, 4)
    optimizer.zero_grad()
    with torch.autograd.detect_anomaly(check_nan=True):
        distance = (model(x) - x).pow(2).sum(1).sqrt()
        loss = distance.mean()
        loss.backward()
    optimizer.step()
    print(step, loss.item())
