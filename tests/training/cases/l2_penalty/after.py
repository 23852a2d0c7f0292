"""Weight decay written by hand."""
import flax.nnx
import jax
import optax
from parts import MLP, MSELoss, regression_batches

model = MLP()
criterion = MSELoss()
optimizer = optax.sgd(learning_rate=0.05)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
l2_lambda = 0.001

losses = []
for epoch in range(5):
    for inputs, targets in regression_batches():
        def loss_fn(model):
            outputs = model(inputs)
            mse = criterion(outputs, targets)

            # Add the L2 penalty
            l2_norm = sum((p ** 2).sum() for p in jax.tree.leaves(flax.nnx.state(model, flax.nnx.Param)))
            return mse + l2_lambda * l2_norm

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)

        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

MODELS = [model]
