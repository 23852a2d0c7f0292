"""Names that a port would like to use are in use here."""
import flax.nnx
import optax
from parts import MLP, MSELoss, regression_batches

loss_fn = MSELoss()
model_ = MLP()
optimizer = flax.nnx.Optimizer(model_, optax.adam(learning_rate=0.01), wrt=flax.nnx.Param)

params = {"epochs": 5, "lr": 0.01}
grads = []
updates = 0
opt_state = "new"
value_and_grad = "a string"

losses = []
for epoch in range(params["epochs"]):
    for x, y in regression_batches():
        def compute_loss(model_):
            model = model_(x)
            return loss_fn(model, y)

        loss, gradients = flax.nnx.value_and_grad(compute_loss)(model_)
        optimizer.update(model_, gradients)
        updates += 1
        opt_state = f"after {updates} updates"
        grads.append(loss.item())
        losses.append(loss.item())

print(opt_state, value_and_grad, max(grads))
MODELS = [model_]
