import flax.nnx
import jax
import jax.numpy
import optax
from parts import MLP, MSELoss, regression_batches

accumulation_steps = 4

model = MLP()
criterion = MSELoss()
optimizer = optax.adam(learning_rate=0.02)
opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

losses = []
for epoch in range(5):
    total_grads = jax.tree.map(jax.numpy.zeros_like, flax.nnx.state(model, flax.nnx.Param))                        # Reset gradients tensors
    for i, (inputs, labels) in enumerate(regression_batches(count=48)):
        def loss_fn(model):
            predictions = model(inputs)              # Forward pass
            loss = criterion(predictions, labels)    # Compute loss function
            return loss / accumulation_steps         # Normalize our loss (if averaged)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        total_grads = jax.tree.map(jax.numpy.add, total_grads, grads)                          # Backward pass
        if (i + 1) % accumulation_steps == 0:    # Wait for several backward steps
            params = flax.nnx.state(model, flax.nnx.Param)
            updates, opt_state = optimizer.update(total_grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(model, params)                     # Now we can do an optimizer step
            total_grads = jax.tree.map(jax.numpy.zeros_like, flax.nnx.state(model, flax.nnx.Param))                # Reset gradients tensors
        losses.append(loss.item())

MODELS = [model]
