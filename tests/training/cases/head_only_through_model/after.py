import flax.nnx
import optax
from parts import TransferNet, classification_batches, cross_entropy

net = TransferNet()
# All of it runs and the whole of it gets gradients, but only the head is trained.
opt = optax.adam(learning_rate=0.01)
opt_state = opt.init(flax.nnx.state(net.head, flax.nnx.Param))
net.train()
losses = []
for _ in range(5):
    for xs, ys in classification_batches():
        def loss_fn(net):
            return cross_entropy(net(xs), ys)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(net)
        params = flax.nnx.state(net.head, flax.nnx.Param)
        updates, opt_state = opt.update(grads["head"], opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(net.head, params)
        losses.append(loss.item())

MODELS = [net]
