"""A loss per sample, weighted, then averaged."""
import flax.nnx
import optax
from parts import Classifier, CrossEntropyLoss, classification_batches, tensor

class_weights = tensor([0.2, 0.3, 0.5])
model = Classifier()
criterion = CrossEntropyLoss(reduction="none")
optimizer = optax.sgd(learning_rate=0.2)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
hardest = 0.0
for epoch in range(5):
    for x, y in classification_batches():
        def loss_fn(model):
            per_sample = criterion(model(x), y)
            weighted = per_sample * class_weights[y]
            return weighted.mean(), (per_sample, weighted)

        grads, (per_sample, weighted) = flax.nnx.grad(loss_fn, has_aux=True)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        hardest = max(hardest, per_sample.max().item())
        losses.append(weighted.mean().item())

print(f"hardest sample: {hardest:.3f}")
MODELS = [model]
