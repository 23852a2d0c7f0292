"""Logging every few steps; the loss is kept as a tensor until then."""
import logging

import torch

from parts import MLP, DataLoader, MSELoss, detach, regression_dataset

logger = logging.getLogger(__name__)
LOG_EVERY = 10


def main():
    model = MLP()
    loss_fn = MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    global_step = 0
    since_log = 0.0
    losses = []
    for epoch in range(6):
        for x, y in DataLoader(regression_dataset(), batch_size=8):
            y_pred = model(x)
            loss = loss_fn(y_pred, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

            since_log += detach(loss)
            global_step += 1
            losses.append(loss.item())
            if global_step % LOG_EVERY == 0:
                logger.info("step %d: loss %.4f", global_step, since_log / LOG_EVERY)
                since_log = 0.0
    return losses, [model]


if __name__ == "__main__":
    losses, MODELS = main()
