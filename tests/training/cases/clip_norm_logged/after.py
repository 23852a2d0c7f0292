import flax.nnx
import optax

from parts import DeepMLP, mse_loss, regression_batches

net = DeepMLP()
opt = optax.chain(optax.clip_by_global_norm(0.3), optax.sgd(learning_rate=0.1, momentum=0.9))
opt_state = opt.init(flax.nnx.state(net, flax.nnx.Param))

losses, norms = [], []
for epoch in range(5):
    for x, y in regression_batches():
        def loss_fn(net):
            return mse_loss(net(x), y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(net)
        grad_norm = optax.tree.norm(grads)
        params = flax.nnx.state(net, flax.nnx.Param)
        updates, opt_state = opt.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(net, params)
        norms.append(grad_norm.item())
        losses.append(loss.item())
    print(f"{epoch}: largest norm {max(norms):.3f}")

losses += norms
MODELS = [net]
