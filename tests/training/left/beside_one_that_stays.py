# left: beside it stays|sparse
# because: one `backward` feeds both optimizers; without it the one that stays would step on nothing.
import torch
from torch import nn

table = nn.Embedding(20, 4, sparse=True)
model = nn.Linear(4, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
table_optimizer = torch.optim.SparseAdam(list(table.parameters()), lr=0.01)
for _ in range(20):
    items = torch.randint(0, 20, (8,))
    optimizer.zero_grad()
    table_optimizer.zero_grad()
    loss = (model(table(items)) - items[:, None].float()).pow(2).mean()
    loss.backward()
    optimizer.step()
    table_optimizer.step()
    print(loss.item())
