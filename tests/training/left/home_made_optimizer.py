# left: home-made|custom|subclass|own class|no optimizer that jaxport knows|not know this optimizer
# because: its `step` reads `p.grad` and writes `p`, and Optax has nothing of that name.
import torch
from torch import nn


class SignSGD(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, momentum=0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.mul_(group["momentum"]).add_(p.grad)
                p.add_(buffer.sign(), alpha=-group["lr"])


model = nn.Linear(5, 1)
optimizer = SignSGD(model.parameters(), lr=0.01)
for _ in range(30):
    x = torch.randn(16, 5)
    optimizer.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
print(loss.item())
