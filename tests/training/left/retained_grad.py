# left: retain_grad|`?\.grad`?|gradients? .*read
# because: the gradient of a layer's output is read after `backward`; `value_and_grad` gives only
# the parameters'.
import torch
from torch import nn

conv = nn.Conv1d(1, 8, 5, padding=2)
head = nn.Linear(8, 2)
model = nn.ModuleDict({"conv": conv, "head": head})
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(20):
    x, y = torch.randn(4, 1, 30), torch.randint(0, 2, (4,))
    maps = torch.relu(conv(x))
    maps.retain_grad()
    loss = nn.functional.cross_entropy(head(maps.mean(2)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    importance = (maps.grad.mean(2, keepdim=True) * maps).sum(1).relu()
    print(step, loss.item(), importance.detach().argmax(1).tolist())
