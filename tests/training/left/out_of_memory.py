# left: try|except|zero_grad|accumulat
# because: a `backward` that runs out of memory halfway leaves some gradients behind, and XLA's
# error is another; what is caught and cleaned up here can't happen in that order.
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
skipped = 0

for step in range(20):
    x = torch.randn(4 * (step % 5 + 1), 8)
    try:
        output = model(x)
        loss = nn.functional.mse_loss(output, x)
        loss.backward()
    except torch.cuda.OutOfMemoryError:
        print("| WARNING: ran out of memory, skipping batch", step)
        skipped += 1
        optimizer.zero_grad()
        torch.cuda.empty_cache()
        continue
    optimizer.step()
    optimizer.zero_grad()
print(loss.item(), skipped)
