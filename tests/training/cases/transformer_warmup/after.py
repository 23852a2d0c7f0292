"""A tiny GPT: AdamW, linear warm-up and cosine decay in a LambdaLR that steps with each batch."""
import math

import flax.nnx
import optax

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
schedule = lambda count: learning_rate * lr_lambda(int(count))
optimizer = optax.chain(
    optax.clip_by_global_norm(1.0),
    optax.adamw(learning_rate=schedule, b1=0.9, b2=0.95, weight_decay=0.1),
)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
batches = iter(get_batches())
for step in range(max_iters):
    x, y = next(batches)

    def loss_fn(model):
        logits, loss = model(x, y)
        return loss

    loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
    params = flax.nnx.state(model, flax.nnx.Param)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    flax.nnx.update(model, params)
    losses.append(loss.item())
    if step % 10 == 0:
        print(f"iter {step}: loss {loss.item():.4f}")

MODELS = [model]
