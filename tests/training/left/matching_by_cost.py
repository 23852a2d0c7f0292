# left: float|concrete|number|tracer|tolist|numpy
# because: the matching needs the costs as numbers, in the middle of the loss; `tolist` on a tracer
# raises `ConcretizationTypeError` (measured).
import itertools

import torch
from torch import nn


def best_order(costs):
    n = len(costs)
    orders = itertools.permutations(range(n))
    return min(orders, key=lambda order: sum(costs[i][order[i]] for i in range(n)))


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 6))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _ in range(20):
    x, boxes = torch.randn(4), torch.rand(3, 2)
    predicted = model(x).view(3, 2)
    costs = torch.cdist(predicted, boxes, p=1)
    order = best_order(costs.tolist())
    loss = nn.functional.l1_loss(predicted, boxes[list(order)])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
