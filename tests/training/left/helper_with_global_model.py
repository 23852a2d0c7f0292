# left: helper|function|calls|global|reach|where the loss|traced? back
# because: `batch_loss` calls the global `model`, not the argument of the loss function: measured,
# every gradient is 0 and nothing is trained, without an error.
import torch
from torch import nn

model = nn.Sequential(nn.Linear(5, 10), nn.ReLU(), nn.Linear(10, 1))
criterion = nn.SmoothL1Loss()


def batch_loss(x, y, smoothing=0.1):
    prediction = model(x)
    return criterion(prediction, y) + smoothing * prediction.pow(2).mean()


def main():
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(20):
        x = torch.randn(16, 5)
        loss = batch_loss(x, x.mean(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(step, loss.item())


main()
