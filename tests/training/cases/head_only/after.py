"""Linear probing: the optimizer knows the head only."""
import flax.nnx
import optax
from parts import CrossEntropyLoss, TransferNet, accuracy, classification_batches, no_grad

model = TransferNet()
model.backbone.eval()
loss_fn = CrossEntropyLoss()
optimizer = optax.sgd(learning_rate=0.1)
opt_state = optimizer.init(flax.nnx.state(model.head, flax.nnx.Param))

losses = []
for epoch in range(5):
    for x, y in classification_batches():
        with no_grad():
            features = model.backbone(x)

        def compute_loss(model):
            logits = model.head(features)
            return loss_fn(logits, y), logits

        (loss, logits), grads = flax.nnx.value_and_grad(compute_loss, has_aux=True)(model)
        params = flax.nnx.state(model.head, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads["head"], opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model.head, params)
        losses.append(loss.item())
    print(epoch, f"acc {accuracy(logits, y):.2%}")

MODELS = [model]
