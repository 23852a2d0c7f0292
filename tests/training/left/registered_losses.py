# left: helper|function|calls|run time|reach|where the loss|traced? back
# because: which function makes the loss is looked up at run time, and each calls the model by
# itself: as the body of a loss function of `model` they give gradients of 0.
import torch
import torch.nn.functional as F
from torch import nn

net = nn.Linear(6, 4)
LOSSES = {}


def loss(function):
    LOSSES[function.__name__] = function
    return function


@loss
def likelihood(batch):
    return F.cross_entropy(net(batch["x"]), batch["y"])


@loss
def margin(batch):
    return F.multi_margin_loss(net(batch["x"]), batch["y"])


optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(20):
    batch = {"x": torch.randn(8, 6), "y": torch.randint(0, 4, (8,))}
    batch["kind"] = "likelihood" if i % 2 else "margin"
    value = LOSSES[batch["kind"]](batch)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    print(value.item())
