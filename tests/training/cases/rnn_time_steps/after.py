"""A loss for each time step, added up in a loop."""
import flax.nnx
import optax
from parts import RNN, mse_loss, series

model = RNN()
optimizer = optax.adam(learning_rate=0.01)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
sequence = series(length=6)
epochs = 50

losses = []
for epoch in range(epochs):
    def loss_fn(model):
        hidden = model.init_hidden(4)
        loss = 0
        for x_t, y_t in sequence:
            out, hidden = model(x_t, hidden)
            loss = loss + mse_loss(out, y_t)
        return loss

    loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
    params = flax.nnx.state(model, flax.nnx.Param)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    flax.nnx.update(model, params)
    losses.append(loss.item() / len(sequence))

MODELS = [model]
