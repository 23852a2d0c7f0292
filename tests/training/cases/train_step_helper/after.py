import flax.nnx
import optax
from parts import MLP, mse_loss, regression_batches


def train_step(model, optimizer, batch):
    """One update; gives the loss."""
    x, y = batch

    def loss_fn(model):
        return mse_loss(model(x), y)

    loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
    optimizer.update(model, grads)
    return loss.item()


model = MLP()
optimizer = flax.nnx.Optimizer(
    model,
    optax.adam(learning_rate=0.01, b1=0.9, b2=0.99),
    wrt=flax.nnx.Param,
)
losses = []
for _ in range(5):
    for batch in regression_batches():
        losses.append(train_step(model, optimizer, batch))
MODELS = [model]
