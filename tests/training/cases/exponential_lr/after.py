"""ExponentialLR once per epoch, as in the documentation of torch."""
import flax.nnx
import optax

from parts import LinearRegression, mse_loss, regression_batches

dataset = regression_batches()
model = LinearRegression()
schedule = optax.exponential_decay(0.1, transition_steps=1, decay_rate=0.9)
optimizer = optax.sgd(learning_rate=lambda count: schedule(count // len(dataset)))
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
losses = []

for epoch in range(10):
    for input, target in dataset:
        def loss_fn(model):
            output = model(input)
            return mse_loss(output, target)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

MODELS = [model]
