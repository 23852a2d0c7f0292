"""An exponential moving average of the weights, used for evaluation."""
import flax.nnx
import optax
from parts import Classifier, classification_batches, clone, cross_entropy, no_grad, update_ema

model = Classifier()
ema_model = clone(model)
ema_model.eval()

optimizer = optax.adam(learning_rate=0.01)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
batches = classification_batches()

losses = []
for epoch in range(5):
    model.train()
    for inputs, targets in batches:
        def loss_fn(model):
            return cross_entropy(model(inputs), targets)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        update_ema(ema_model, model, decay=0.95)
        losses.append(loss.item())

    with no_grad():
        x, y = batches[0]
        losses.append(cross_entropy(ema_model(x), y).item())

MODELS = [model, ema_model]
