import flax.nnx
import optax
from parts import MLP, L1Loss, no_grad, regression_batches

model, criterion = MLP(hidden=8), L1Loss()
optim = optax.sgd(learning_rate=0.1)
opt_state = optim.init(flax.nnx.state(model, flax.nnx.Param))
batches = regression_batches()
x_val, y_val = batches.pop()

losses = []
for epoch in range(6):
    for x, y in batches:
        def loss_fn(model):
            return criterion(model(x), y)

        grads = flax.nnx.grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optim.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        with no_grad():
            losses.append(criterion(model(x_val), y_val).item())

MODELS = [model]
