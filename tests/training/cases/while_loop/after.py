import flax.nnx
import optax
from parts import LogisticRegression, binary_cross_entropy_with_logits, binary_dataset

x, y = binary_dataset().tensors
w = LogisticRegression()
sgd = optax.sgd(learning_rate=0.1)
opt_state = sgd.init(flax.nnx.state(w, flax.nnx.Param))

t = 0
losses = []
while t < 60:
    def loss_fn(w):
        return binary_cross_entropy_with_logits(w(x), y)

    loss, grads = flax.nnx.value_and_grad(loss_fn)(w)
    params = flax.nnx.state(w, flax.nnx.Param)
    updates, opt_state = sgd.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    flax.nnx.update(w, params)
    losses.append(loss.item())
    t += 1

MODELS = [w]
