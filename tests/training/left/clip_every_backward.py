# left: clip|accumulat
# because: the running sum is clipped after each backward; in a chain under `MultiSteps` the mean is
# clipped once.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.LSTM(3, 8, batch_first=True)
head = nn.Linear(8, 1)
params = [*model.parameters(), *head.parameters()]
optimizer = torch.optim.SGD(params, lr=0.1)
optimizer.zero_grad()

for i in range(40):
    x = torch.randn(4, 12, 3)
    output, _ = model(x)
    loss = nn.functional.mse_loss(head(output[:, -1]), x.sum((1, 2))[:, None])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(params, max_norm=0.5)
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
