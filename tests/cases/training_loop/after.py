"""Two training steps: one accumulates and saves its optimizer and stays, one is ported."""
import flax.nnx
import optax
import torch
from torch import nn, optim


def train(model: nn.Module, loader, epochs=3):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
    for epoch in range(epochs):
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y) / 4
            loss.backward()
            # jaxport: JXP202 not ported: `state_dict` of it is used
            if (step + 1) % 4 == 0: optimizer.step(); optimizer.zero_grad()
        scheduler.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, "last.pt")


class Trainer:
    def __init__(self, model: nn.Module, lr):
        self.model = model
        self.optimizer = flax.nnx.Optimizer(
            self.model,
            optax.adam(learning_rate=lr),
            wrt=flax.nnx.Param,
        )

    def fit(self, batch):
        def loss_fn(model):
            return model(batch).mean()

        loss, grads = flax.nnx.value_and_grad(loss_fn)(self.model)
        self.optimizer.update(self.model, grads)
        return loss.item()
