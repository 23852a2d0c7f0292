import flax.nnx
import optax
import torch

from parts import MLP, DataLoader, MSELoss, regression_dataset

loader = DataLoader(regression_dataset())
model = MLP()
criterion = MSELoss()
schedule = lambda count: 0.1 * 0.1 ** (count // 2)
optimizer_ft = optax.sgd(learning_rate=lambda count: schedule(count // len(loader)), momentum=0.9)
opt_state = optimizer_ft.init(flax.nnx.state(model, flax.nnx.Param))
# Decay LR by a factor of 0.1 every 2 epochs

losses = []
for epoch in range(6):
    for xb, yb in loader:
        def loss_fn(model):
            return criterion(model(xb), yb)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer_ft.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

MODELS = [model]
