# left: param_groups|learning rate
# because: an Optax transformation has no `param_groups`; its learning rate would stay the first
# one.
import math

import torch
from torch import nn

base_lr, warmup, total = 1e-2, 10, 100


def get_lr(step):
    if step < warmup:
        return base_lr * (step + 1) / warmup
    return base_lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


model = nn.Sequential(nn.Embedding(30, 16), nn.Linear(16, 30))
optimizer = torch.optim.AdamW(model.parameters(), lr=base_lr, betas=(0.9, 0.95))
for step in range(total):
    lr = get_lr(step)
    for param_group in optimizer.param_groups:
        param_group["lr"] = lr
    tokens = torch.randint(0, 30, (4, 9))
    logits = model(tokens[:, :-1])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
