import flax.nnx
import optax
from parts import Classifier, accuracy, classification_batches, cross_entropy

verbose = True
clip = 0.5
net = Classifier()
optimizer = optax.adam(learning_rate=3e-3)
opt_state = optimizer.init(flax.nnx.state(net, flax.nnx.Param))

losses = []
for epoch in range(5):
    for i, (x, y) in enumerate(classification_batches()):
        if len(x) == 0: continue
        if not losses: print("first batch:", x.shape)

        def loss_fn(net):
            out = net(x)
            return cross_entropy(out, y), out

        (loss, out), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(net)
        if clip: grads = optax.clip_by_global_norm(clip).update(grads, None)[0]
        params = flax.nnx.state(net, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(net, params)
        losses.append(loss.item())
        if verbose and i == 9: print(epoch, loss.item(), accuracy(out, y))

MODELS = [net]
