import flax.nnx
import optax

from parts import MLP, mse_loss, no_grad, regression_batches

model = MLP()
optimizer = optax.adam(learning_rate=0.01)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
train_batches = regression_batches(count=12)
x_val, y_val = train_batches.pop()

losses = []
best, patience, bad_epochs = float("inf"), 3, 0
for epoch in range(100):
    model.train()
    for x, y in train_batches:
        def loss_fn(model):
            return mse_loss(model(x), y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

    model.eval()
    with no_grad():
        val_loss = mse_loss(model(x_val), y_val).item()
    if val_loss < best - 1e-3:
        best = val_loss
        bad_epochs = 0
    else:
        bad_epochs += 1
    if bad_epochs >= patience or len(losses) >= 110:
        print("stopping early at epoch", epoch)
        break

MODELS = [model]
