import flax.nnx
import optax

from parts import MLP, DataLoader, MSELoss, regression_dataset

total_iterations = 50
loader = DataLoader(regression_dataset(count=40), batch_size=8, shuffle=True)
loader_iter = iter(loader)

model = MLP()
criterion = MSELoss()
optimizer = optax.adamax(learning_rate=5e-3)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for iteration in range(1, total_iterations + 1):
    try:
        x, y = next(loader_iter)
    except StopIteration:
        # the epoch is over, start the next
        loader_iter = iter(loader)
        x, y = next(loader_iter)

    def loss_fn(model):
        return criterion(model(x), y)

    loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
    params = flax.nnx.state(model, flax.nnx.Param)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    flax.nnx.update(model, params)
    losses.append(loss.item())
    if iteration % 25 == 0:
        print(f"Iteration {iteration}/{total_iterations}: {losses[-1]:.4f}")

MODELS = [model]
