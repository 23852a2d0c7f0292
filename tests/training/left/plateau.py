# left: ReduceLROnPlateau|plateau|scheduler|learning rate
# because: the learning rate follows the validation loss; no schedule of the step count gives it.
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau


def run(model: nn.Module, train_loader, val_loader, epochs=10):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.1, patience=1)
    for _ in range(epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val_loss = sum(nn.functional.mse_loss(model(x), y).item() for x, y in val_loader)
        scheduler.step(val_loss)


data = [(torch.randn(8, 3), torch.randn(8, 1)) for _ in range(6)]
run(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)), data[:4], data[4:])
