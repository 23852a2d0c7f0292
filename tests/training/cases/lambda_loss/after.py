import flax.nnx
import optax
from parts import MLP, regression_batches, where

huber = lambda e, d=0.5: where(abs(e) < d, 0.5 * e ** 2, d * (abs(e) - 0.5 * d)).mean()

net = MLP()
optim = optax.adam(learning_rate=1e-2)
opt_state = optim.init(flax.nnx.state(net, flax.nnx.Param))
losses = []
for _ in range(5):
    for xb, yb in regression_batches():
        def loss_fn(net):
            return (loss := huber(net(xb) - yb))

        grads = flax.nnx.grad(loss_fn)(net)
        params = flax.nnx.state(net, flax.nnx.Param)
        updates, opt_state = optim.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(net, params)
        losses.append(loss.item())

MODELS = [net]
