from __future__ import annotations

from collections.abc import Iterable

import flax.nnx
import optax
from torch import Tensor, nn, optim

from parts import AutoEncoder, MSELoss, vectors


def train_one_epoch(
    model: nn.Module,
    criterion: nn.Module,
    data_loader: Iterable[Tensor],
    optimizer: optim.Optimizer,
    max_norm: float = 0.0,
) -> list[float]:
    """Train `model` on everything in `data_loader` once."""
    model.train()
    values: list[float] = []
    for samples in data_loader:
        def loss_fn(model):
            outputs = model(samples)
            return criterion(outputs, samples)

        loss, grads = flax.nnx.value_and_grad(loss_fn)(model)
        loss_value = loss.item()

        if max_norm > 0:
            grads = optax.clip_by_global_norm(max_norm).update(grads, None)[0]
        optimizer.update(model, grads)

        values.append(loss_value)
    return values


def main() -> tuple[list[float], list[nn.Module]]:
    model = AutoEncoder()
    optimizer = flax.nnx.Optimizer(
        model,
        optax.adamw(learning_rate=1e-2, b1=0.9, b2=0.95, weight_decay=0.01),
        wrt=flax.nnx.Param,
    )
    losses: list[float] = []
    for epoch in range(5):
        losses += train_one_epoch(model, MSELoss(), vectors(), optimizer, max_norm=0.1)
    return losses, [model]


if __name__ == "__main__":
    losses, MODELS = main()
