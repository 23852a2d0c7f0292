"""Accumulation counted over epochs; clipped, and the schedule goes with the updates."""
import flax.nnx
import jax
import jax.numpy
import optax

from parts import Classifier, DataLoader, classification_dataset, cross_entropy

ACCUM = 2
model = Classifier()
schedule = optax.linear_schedule(0.004 * 0.1, 0.004, transition_steps=20)
optimizer = optax.chain(
    optax.clip_by_global_norm(1.0),
    optax.adamw(learning_rate=schedule, weight_decay=0.05),
)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
loader = DataLoader(classification_dataset(), batch_size=8, shuffle=True)

losses = []
updates_done = 0
micro_step = 0
model.train()
total_grads = jax.tree.map(jax.numpy.zeros_like, flax.nnx.state(model, flax.nnx.Param))
for epoch in range(10):
    for x, y in loader:
        def loss_fn(model):
            return cross_entropy(model(x), y) / ACCUM

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        total_grads = jax.tree.map(jax.numpy.add, total_grads, grads)
        losses.append(loss.item() * ACCUM)
        micro_step += 1
        if micro_step % ACCUM != 0:
            continue
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(total_grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        total_grads = jax.tree.map(jax.numpy.zeros_like, flax.nnx.state(model, flax.nnx.Param))
        updates_done += 1
print(updates_done, "updates")

MODELS = [model]
