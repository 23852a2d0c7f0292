import flax.nnx
import optax
from parts import MLP, mse_loss, regression_batches

model = MLP()
schedule = optax.linear_schedule(0.01 * 0.01, 0.01, transition_steps=15)
optimizer = optax.adamw(learning_rate=schedule, weight_decay=0.01)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
model.train()
for epoch in range(5):
    for x, y in regression_batches():
        def loss_fn(model):
            return mse_loss(model(x), y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

MODELS = [model]
