# left: zero_grad|accumulat|continue|skip
# because: where the step is skipped, the gradients stay and the next step takes them along.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
criterion = nn.MSELoss()
skipped = 0

for step in range(60):
    scale = 5.0 if step % 7 == 0 else 1.0
    x = scale * torch.randn(8, 4)
    loss = criterion(model(x), x.norm(dim=1, keepdim=True))
    loss.backward()
    if loss.item() > 20:
        skipped += 1
        continue
    optimizer.step()
    optimizer.zero_grad()
print(skipped, loss.item())
