"""Breaks out of both loops after the step that reaches the limit."""
import flax.nnx
import optax
from parts import DataLoader, MLP, mse_loss, regression_dataset

max_steps = 55
target_loss = 1e-4
model = MLP()
optimizer = optax.adam(learning_rate=3e-3)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
loader = DataLoader(regression_dataset())

losses = []
done = False
global_step = 0
while not done:
    for x, y in loader:
        def loss_fn(model):
            return mse_loss(model(x), y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        global_step += 1
        losses.append(loss.item())
        if global_step >= max_steps or loss.item() < target_loss:
            done = True
            break

MODELS = [model]
