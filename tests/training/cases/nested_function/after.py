import flax.nnx
import optax

from parts import MLP, mse_loss, regression_batches


def make_train_step(model, loss_fn, optimizer):
    # Builds function that performs a step in the train loop
    def train_step(x, y):
        # Sets model to TRAIN mode
        model.train()
        # Makes predictions
        def compute_loss(model):
            yhat = model(x)
            # Computes loss
            return loss_fn(yhat, y)

        loss, grads = flax.nnx.value_and_grad(compute_loss)(model)
        # Computes gradients
        # Updates parameters and zeroes gradients
        optimizer.update(model, grads)
        # Returns the loss
        return loss.item()

    # Returns the function that will be called inside the train loop
    return train_step


model = MLP()
train_step = make_train_step(model, mse_loss, flax.nnx.Optimizer(
    model,
    optax.adam(learning_rate=1e-2),
    wrt=flax.nnx.Param,
))
losses = []

for epoch in range(5):
    for x_batch, y_batch in regression_batches():
        losses.append(train_step(x_batch, y_batch))

MODELS = [model]
