# left: accumulat
# because: ten batches and steps of four: torch adds the two left over to the next epoch's first
# step, which so sums six; `MultiSteps` counts through and steps elsewhere.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(5, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
loader = [(torch.randn(4, 5), torch.randint(0, 3, (4,))) for _ in range(10)]
accumulation_steps = 4

for epoch in range(3):
    for i, (x, y) in enumerate(loader):
        loss = criterion(model(x), y) / accumulation_steps
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
    print(epoch, loss.item())
