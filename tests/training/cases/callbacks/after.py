import flax.nnx
import optax

from parts import MLP, mse_loss, regression_batches


class History:
    def __init__(self):
        self.values = []

    def on_batch_end(self, step, value):
        self.values.append(value)


class Progress:
    def on_batch_end(self, step, value):
        if step % 20 == 0:
            print(f"{step:4d} {value:.4f}")


def fit(model, optimizer, batches, callbacks=()):
    step = 0
    for _ in range(5):
        for x, y in batches:
            def loss_fn(model):
                return mse_loss(model(x), y)

            loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
            optimizer.update(model, grads)
            step += 1
            for callback in callbacks:
                callback.on_batch_end(step, loss.item())


history = History()
model = MLP(hidden=8)
fit(
    model,
    flax.nnx.Optimizer(
        model,
        optax.sgd(learning_rate=0.1, momentum=0.9, nesterov=True),
        wrt=flax.nnx.Param,
    ),
    regression_batches(),
    callbacks=[history, Progress()],
)
losses = history.values
MODELS = [model]
