"""Super-convergence: OneCycleLR with every batch, momentum left alone."""
import flax.nnx
import optax

from parts import Classifier, CrossEntropyLoss, DataLoader, classification_dataset

EPOCHS = 5
loader = DataLoader(classification_dataset(), batch_size=8, shuffle=True)
model = Classifier()
criterion = CrossEntropyLoss()
schedule = optax.piecewise_interpolate_schedule('cosine', 0.02 / 25.0, {0.3 * (EPOCHS * len(loader)) - 1: 25.0, (EPOCHS * len(loader)) - 1: 1 / (25.0 * 10000.0)})
optimizer = optax.adam(learning_rate=schedule)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for epoch in range(EPOCHS):
    model.train()
    for data, label in loader:
        def loss_fn(model):
            return criterion(model(data), label)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

MODELS = [model]
