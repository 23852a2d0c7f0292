# left: schedul
# because: the epoch is given to the scheduler as a fraction; an Optax schedule counts updates.
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

model = nn.Linear(6, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
loader = [(torch.randn(8, 6), torch.randint(0, 3, (8,))) for _ in range(7)]
iters = len(loader)

for epoch in range(6):
    for i, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step(epoch + i / iters)
