# left: (more often|lambda|later|function|where the loss|traced? back)
# because: `backward` is called later, by whoever drains the queue; at the step nothing tells which
# losses have run.
from collections import deque

import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
pending = deque(maxlen=3)

for i in range(30):
    x = torch.randn(4, 6)
    loss = (model(x).squeeze(1) - x[:, 0]).abs().mean()
    pending.append(lambda loss=loss: loss.backward())
    if i % 5 == 4:
        optimizer.zero_grad()
        while pending:
            pending.popleft()()
        optimizer.step()
        print(i, loss.item())
