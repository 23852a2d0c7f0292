import torch

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
            optimizer.zero_grad()
            loss = mse_loss(model(x), y)
            loss.backward()
            # jaxport: JXP202 not ported: it leaves the place where it is made, so its steps can't be seen
            optimizer.step()
            step += 1
            for callback in callbacks:
                callback.on_batch_end(step, loss.item())


history = History()
model = MLP(hidden=8)
fit(
    model,
    torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True),
    regression_batches(),
    callbacks=[history, Progress()],
)
losses = history.values
MODELS = [model]
