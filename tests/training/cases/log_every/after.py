"""Logging every few steps; the loss is kept as a tensor until then."""
import logging

import flax.nnx
import optax

from parts import MLP, DataLoader, MSELoss, detach, regression_dataset

logger = logging.getLogger(__name__)
LOG_EVERY = 10


def main():
    model = MLP()
    loss_fn = MSELoss()
    optimizer = optax.adam(learning_rate=1e-2)
    opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))

    global_step = 0
    since_log = 0.0
    losses = []
    for epoch in range(6):
        for x, y in DataLoader(regression_dataset(), batch_size=8):
            def compute_loss(model):
                y_pred = model(x)
                return loss_fn(y_pred, y)

            loss, grads = flax.nnx.value_and_grad(compute_loss)(model)
            params = flax.nnx.state(model, flax.nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(model, params)

            since_log += detach(loss)
            global_step += 1
            losses.append(loss.item())
            if global_step % LOG_EVERY == 0:
                logger.info("step %d: loss %.4f", global_step, since_log / LOG_EVERY)
                since_log = 0.0
    return losses, [model]


if __name__ == "__main__":
    losses, MODELS = main()
