# left: break|jump|leaves?\b
# because: the break stands between the model's output and `backward`; within a loss function it is
# a syntax error, and after it the update would already have happened.
import torch
from torch import nn


def fit(model: nn.Module, batches, lr: float) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for x in batches:
        optimizer.zero_grad()
        output = model(x)
        if not torch.isfinite(output).all():
            print("diverged after", len(losses), "steps")
            break
        loss = (output - x).pow(2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


print(len(fit(nn.Linear(20, 20), torch.randn(50, 16, 20), lr=0.5)))
