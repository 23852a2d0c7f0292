# left: Adagrad|square root|eps
# because: torch adds eps outside of the square root and starts from 0; `optax.adagrad` starts from
# 0.1 and adds it inside (2e-2 apart after 30 steps).
import torch
from torch import nn, optim

model = nn.EmbeddingBag(50, 8)
head = nn.Linear(8, 2)
full = nn.Sequential(model, head)
optimizer = optim.Adagrad(full.parameters(), lr=0.05)
loss_fn = nn.CrossEntropyLoss()

for _ in range(25):
    words = torch.randint(0, 50, (16, 7))
    label = (words.float().mean(1) > 25).long()
    optimizer.zero_grad()
    loss = loss_fn(full(words), label)
    loss.backward()
    optimizer.step()
print(loss.item())
