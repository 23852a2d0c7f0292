import flax.nnx
import optax
from parts import DataLoader, MatrixFactorization, ratings_dataset

model = MatrixFactorization()
optimizer = optax.rmsprop(learning_rate=0.01, decay=0.9, momentum=0.5, eps_in_sqrt=False)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
loader = DataLoader(ratings_dataset(), batch_size=16)
global_mean = ratings_dataset().tensors[2].mean()

losses = []
for epoch in range(10):
    for users, items, ratings in loader:
        def loss_fn(model):
            prediction = global_mean + model(users, items)
            error = prediction - ratings
            return (error ** 2).mean(), error

        (loss, error), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())
    rmse = (error ** 2).mean().item() ** 0.5
    print(f"epoch {epoch}: rmse {rmse:.3f}")

MODELS = [model]
