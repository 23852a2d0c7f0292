import flax.nnx
import optax

from parts import DeepMLP, L1Loss, regression_batches


def fit(model, batches, n_epochs):
    optimizer = optax.chain(optax.clip(0.05), optax.adam(learning_rate=1e-2))
    opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
    criterion = L1Loss()
    out = []
    for _ in range(n_epochs):
        for features, target in batches:
            def loss_fn(model):
                return criterion(model(features), target)

            loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
            # Gradients in [-0.05, 0.05]
            params = flax.nnx.state(model, flax.nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(model, params)
            out.append(loss.item())
    return out


model = DeepMLP()
losses = fit(model, regression_batches(), 5)
MODELS = [model]
