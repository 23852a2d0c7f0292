# left: numpy|concrete|number|tracer
# because: numpy chooses the hard examples from the loss; it can't read a tracer (measured:
# `TracerArrayConversionError`).
import numpy as np
import torch
from torch import nn


def hardest(losses, share=0.25):
    values = np.asarray(losses.tolist())
    return torch.from_numpy(np.argsort(values)[-int(len(values) * share) :].copy())


model = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
criterion = nn.CrossEntropyLoss(reduction="none")
for _ in range(20):
    x, y = torch.randn(64, 5), torch.randint(0, 2, (64,))
    optimizer.zero_grad()
    losses = criterion(model(x), y)
    loss = losses[hardest(losses)].mean()
    loss.backward()
    optimizer.step()
    print(loss.item())
