# left: exec|eval|run time|by itself
# because: the loss is made by text; what it reads and which names it writes can't be seen.
import torch
from torch import nn

recipe = """
prediction = model(x)
loss = (prediction - y).abs().mean() + strength * prediction.pow(2).mean()
"""

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(20):
    x = torch.randn(8, 3)
    names = {"model": model, "x": x, "y": x.sum(1, keepdim=True), "strength": 0.01}
    exec(recipe, names)
    loss = names["loss"]
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
