import flax.nnx
import optax
from parts import DataLoader, MLP, mse_loss, regression_dataset

model = MLP()
optimizer = optax.sgd(learning_rate=0.05, momentum=0.5)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
skipped = 0
for epoch in range(6):
    for x, y in DataLoader(regression_dataset(count=77), batch_size=8):
        # the last batch is too small
        if len(x) < 8:
            skipped += 1
            continue
        # so are targets that say nothing
        if y.max().item() < 0.0:
            continue

        def loss_fn(model):
            return mse_loss(model(x), y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

print(skipped, "batches skipped")
MODELS = [model]
