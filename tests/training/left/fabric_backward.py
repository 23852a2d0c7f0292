# left: [Ff]abric|Lightning|`backward`.*(library|another)
# because: Fabric's `backward` scales the loss and talks to the other devices.
import torch
from lightning import Fabric
from torch import nn

fabric = Fabric(accelerator="auto", precision="bf16-mixed")
fabric.launch()
model = nn.Sequential(nn.Linear(28, 56), nn.ReLU(), nn.Linear(56, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
model, optimizer = fabric.setup(model, optimizer)

for step in range(20):
    x = torch.randn(16, 28, device=fabric.device)
    y = torch.randint(0, 10, (16,), device=fabric.device)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    fabric.backward(loss)
    fabric.clip_gradients(model, optimizer, max_norm=1.0)
    optimizer.step()
    fabric.log("loss", loss, step)
