# left: RAdam|radam
# because: `optax.radam` adds eps elsewhere, and its first steps differ.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14, 1))
opt = torch.optim.RAdam(net.parameters(), lr=1e-3, weight_decay=1e-4)
for batch in torch.randn(20, 8, 1, 16):
    opt.zero_grad()
    loss = (net(batch).squeeze(1) - batch.amax((1, 2))).pow(2).mean()
    loss.backward()
    opt.step()
    print(loss.item())
