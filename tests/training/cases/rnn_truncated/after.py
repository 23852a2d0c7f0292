"""Truncated backpropagation through time: the hidden state goes on, its history does not."""
import flax.nnx
import optax
from parts import RNN, detach, mse_loss, series

chunk = 3
model = RNN(hidden=6)
optimizer = optax.sgd(learning_rate=0.1)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
data = series(length=30)

losses = []
for epoch in range(6):
    h = model.init_hidden(4)
    for start in range(0, len(data), chunk):
        h = detach(h)

        def loss_fn(model, h):
            loss = 0.0
            for x, y in data[start:start + chunk]:
                pred, h = model(x, h)
                loss += mse_loss(pred, y)
            return loss / chunk, h

        (loss, h), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(model, h)

        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

MODELS = [model]
