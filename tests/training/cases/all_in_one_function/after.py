import flax.nnx
import optax

from parts import MLP, DataLoader, MSELoss, regression_dataset


def run_experiment(hidden=16, lr=0.02, num_epochs=5, batch_size=8):
    model = MLP(hidden=hidden)
    loader = DataLoader(regression_dataset(), batch_size=batch_size)
    criterion = MSELoss()
    optimizer = optax.rmsprop(learning_rate=lr, decay=0.99, eps_in_sqrt=False)
    opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

    all_losses = []
    for epoch in range(num_epochs):
        epoch_loss = 0.0
        for xb, yb in loader:
            def loss_fn(model):
                pred = model(xb)
                return criterion(pred, yb)

            loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
            params = flax.nnx.state(model, flax.nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(model, params)
            epoch_loss += loss.item() * len(xb)
            all_losses.append(loss.item())
        print("epoch", epoch, "loss", epoch_loss / len(loader.dataset))
    return model, all_losses


model, losses = run_experiment()
MODELS = [model]
