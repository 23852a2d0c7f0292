import flax.nnx
import optax
from parts import L1Loss, MLP, MSELoss, regression_batches

model = MLP(outputs=2)
mse, mae = MSELoss(), L1Loss()
optimizer = optax.chain(optax.add_decayed_weights(1e-3), optax.adam(learning_rate=0.01))
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for epoch in range(5):
    for x, y in regression_batches():
        def loss_fn(model):
            out = model(x)
            loss_a = mse(out[:, :1], y)
            loss_b = mae(out[:, 1:], 2 * y)
            return (loss_a + 0.5 * loss_b), (loss_a, loss_b)

        grads, (loss_a, loss_b) = flax.nnx.grad(loss_fn, has_aux=True)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss_a.item() + 0.5 * loss_b.item())

MODELS = [model]
