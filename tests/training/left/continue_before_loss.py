# left: continue|jump|leaves?\b
# because: the loop goes on to the next batch from the middle of what would be the loss function; a
# function can only return a loss.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
skipped = 0
for step in range(40):
    x = torch.randn(8, 6)
    labels = torch.randint(-1, 4, (8,)) if step % 5 else torch.full((8,), -1)
    optimizer.zero_grad()
    logits = model(x)
    known = labels >= 0
    if not known.any():
        skipped += 1
        continue
    loss = nn.functional.cross_entropy(logits[known], labels[known])
    loss.backward()
    optimizer.step()
print(skipped, loss.item())
