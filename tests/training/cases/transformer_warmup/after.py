"""A tiny GPT: AdamW, linear warm-up and cosine decay in a LambdaLR that steps with each batch."""
import math

import torch
from torch.optim.lr_scheduler import LambdaLR

from parts import TransformerLM, token_batches

max_iters = 50
warmup_iters = 10
learning_rate = 5e-3


def lr_lambda(it):
    if it < warmup_iters:
        return (it + 1) / warmup_iters
    progress = (it - warmup_iters) / (max_iters - warmup_iters)
    return 0.1 + 0.45 * (1.0 + math.cos(math.pi * progress))


def get_batches():
    while True:
        yield from token_batches()


model = TransformerLM()
optimizer = torch.optim.AdamW(
    model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.1
)
scheduler = LambdaLR(optimizer, lr_lambda)

losses = []
batches = iter(get_batches())
for step in range(max_iters):
    x, y = next(batches)
    logits, loss = model(x, y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    # jaxport: JXP202 not ported: the step is left (await, yield) and gone on
    optimizer.step()
    scheduler.step()
    losses.append(loss.item())
    if step % 10 == 0:
        print(f"iter {step}: loss {loss.item():.4f}")

MODELS = [model]
