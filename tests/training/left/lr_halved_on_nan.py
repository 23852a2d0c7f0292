# left: param_groups|learning rate
# because: the learning rate depends on the losses; no schedule of the step count gives it.
import torch
from torch import nn

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.8)
previous = float("inf")
x = torch.randn(64, 4)
y = x.prod(1, keepdim=True)

for step in range(50):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if loss.item() > previous:
        optimizer.param_groups[0]["lr"] *= 0.5
        print("step", step, "lr", optimizer.param_groups[0]["lr"])
    previous = loss.item()
