import flax.nnx
import optax
from parts import MLP, regression_batches

model = MLP(inputs=4, hidden=20, outputs=1)
optimizer = optax.adadelta(learning_rate=1.0)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for epoch in range(5):
    for x, y in regression_batches():
        def loss_fn(model):
            return model.loss(x, y)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        params = flax.nnx.state(model, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(model, params)
        losses.append(loss.item())

MODELS = [model]
