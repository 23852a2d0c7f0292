from __future__ import annotations

from collections.abc import Iterable

import torch
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
        outputs = model(samples)
        loss = criterion(outputs, samples)
        loss_value = loss.item()

        optimizer.zero_grad()
        loss.backward()
        if max_norm > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        # jaxport: JXP202 not ported: gradients are clipped under a condition, or not between `backward()` and the step
        optimizer.step()

        values.append(loss_value)
    return values


def main() -> tuple[list[float], list[nn.Module]]:
    model = AutoEncoder()
    optimizer = optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95))
    losses: list[float] = []
    for epoch in range(5):
        losses += train_one_epoch(model, MSELoss(), vectors(), optimizer, max_norm=0.1)
    return losses, [model]


if __name__ == "__main__":
    losses, MODELS = main()
