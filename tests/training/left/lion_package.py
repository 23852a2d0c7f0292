# left: no optimizer is seen|Lion|lion_pytorch|library|package|knows? no|which optimizer|another
# because: the optimizer is another library's; that a method is called `step` says nothing of it.
import torch
from lion_pytorch import Lion
from torch import nn

model = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16))
opt = Lion(model.parameters(), lr=1e-4, weight_decay=1e-2)
mse = nn.MSELoss()

for _ in range(20):
    x = torch.randn(32, 16)
    opt.zero_grad()
    loss = mse(model(x), x)
    loss.backward()
    opt.step()
