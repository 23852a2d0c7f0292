"""The model knows its loss, the fit function knows the rest."""
import flax.nnx
import optax
import torch

from parts import Classifier, DataLoader, classification_dataset


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        outputs = [model.training_step(batch).item() for batch in loader]
    return sum(outputs) / len(outputs)


def fit(epochs, lr, model, train_loader, val_loader, opt_func=torch.optim.SGD):
    history = []
    optimizer = optax.sgd(learning_rate=lr)
    opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
    for epoch in range(epochs):
        # Training Phase
        model.train()
        train_losses = []
        for batch in train_loader:
            def loss_fn(model):
                return model.training_step(batch)

            loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
            train_losses.append(loss.item())
            params = flax.nnx.state(model, flax.nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(model, params)
        # Validation phase
        history += train_losses
        history.append(evaluate(model, val_loader))
    return history


model = Classifier()
losses = fit(
    5, 0.1, model,
    DataLoader(classification_dataset(), 8),
    DataLoader(classification_dataset(name="val"), 40),
)
MODELS = [model]
