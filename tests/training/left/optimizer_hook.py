# left: hook
# because: the hook on the optimizer runs before each step, and projects the gradients.
import torch
from torch import nn

model = nn.Linear(6, 2)


def center(optimizer, args, kwargs):
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None and p.dim() > 1:
                p.grad.sub_(p.grad.mean(dim=1, keepdim=True))


optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
optimizer.register_step_pre_hook(center)
for _ in range(20):
    x, y = torch.randn(16, 6), torch.randint(0, 2, (16,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
