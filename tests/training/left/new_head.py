# left: add_param_group|param(eter)? ?group|new (layer|parameters)|replaced|changes
# because: the model gets a layer after the optimizer was made: the Optax state has no place for it
# (measured: ValueError), or keeps the old layer's moments where the shapes agree.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
classes = 2

for task in range(3):
    if task:
        classes += 1
        model[2] = nn.Linear(12, classes)
        optimizer.add_param_group({"params": model[2].parameters(), "lr": 1e-3})
    for _ in range(10):
        x, y = torch.randn(16, 6), torch.randint(0, classes, (16,))
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(task, loss.item())
