# left: no `grads`|helper
# because: `backward` runs in a helper that gets any number of losses; where they were made, there
# is no `backward` to port.
import torch
from torch import nn


def backward_all(losses, weights):
    total = sum(w * loss for w, loss in zip(weights, losses, strict=True))
    total.backward()
    return total.item()


def train(model: nn.Module, batches):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for x, y in batches:
        optimizer.zero_grad()
        out = model(x)
        fit = nn.functional.l1_loss(out, y)
        energy = out.pow(2).mean()
        total = backward_all([fit, energy], [1.0, 0.01])
        optimizer.step()
        print(total)


train(nn.Linear(4, 2), [(torch.randn(8, 4), torch.randn(8, 2)) for _ in range(10)])
