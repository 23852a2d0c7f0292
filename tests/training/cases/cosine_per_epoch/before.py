import torch.optim as optim
from torch.optim.lr_scheduler import CosineAnnealingLR

from parts import MLP, DataLoader, mse_loss, regression_dataset


class Config:
    epochs = 10
    lr = 0.01
    batch_size = 16


def train_one_epoch(model, optimizer, loader):
    """Returns the average loss of the epoch, and all of them."""
    losses = []
    for x, y in loader:
        loss = mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses), losses


def main(cfg):
    loader = DataLoader(regression_dataset(), cfg.batch_size)
    model = MLP()
    optimizer = optim.Adam(model.parameters(), lr=cfg.lr)
    scheduler = CosineAnnealingLR(optimizer, T_max=cfg.epochs)
    everything = []
    for epoch in range(cfg.epochs):
        average, each = train_one_epoch(model, optimizer, loader)
        scheduler.step()
        everything += each
        print(f"epoch {epoch:02d} loss {average:.5f}")
    return everything, [model]


if __name__ == "__main__":
    losses, MODELS = main(Config())
