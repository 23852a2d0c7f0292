# left: hook
# because: the gradient reversal lives in a backward hook; without it the two losses pull the
# encoder the same way.
import torch
import torch.nn.functional as F
from torch import nn


def reverse(module, grad_input, grad_output):
    return tuple(-g if g is not None else None for g in grad_input)


encoder = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
labels = nn.Linear(16, 3)
domain = nn.Linear(16, 2)
domain.register_full_backward_hook(reverse)
model = nn.ModuleList([encoder, labels, domain])
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

for _ in range(20):
    x, y, d = torch.randn(32, 8), torch.randint(0, 3, (32,)), torch.randint(0, 2, (32,))
    features = encoder(x)
    loss = F.cross_entropy(labels(features), y) + F.cross_entropy(domain(features), d)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
