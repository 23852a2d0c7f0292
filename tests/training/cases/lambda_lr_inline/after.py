import flax.nnx
import optax
from parts import MLP, MSELoss, regression_batches

num_epochs = 6
batches = regression_batches()
net = MLP(hidden=10)
criterion = MSELoss()
schedule = lambda count: 0.2 * (lambda epoch: 1 - epoch / num_epochs)(int(count))
optimizer = optax.sgd(learning_rate=lambda count: schedule(count // len(batches)))
opt_state = optimizer.init(flax.nnx.state(net, flax.nnx.Param))
# linear decay to zero

losses = []
for epoch in range(num_epochs):
    epoch_losses = []
    for x, y in batches:
        def loss_fn(net):
            return criterion(net(x), y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(net)
        params = flax.nnx.state(net, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(net, params)
        epoch_losses.append(loss.item())
    losses.extend(epoch_losses)

MODELS = [net]
