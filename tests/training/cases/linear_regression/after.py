"""Linear regression, the smallest loop there is."""
import flax.nnx
import optax
from parts import LinearRegression, mse_loss, regression_batches

model = LinearRegression()
optimizer = optax.sgd(learning_rate=0.05)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for epoch in range(6):
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
