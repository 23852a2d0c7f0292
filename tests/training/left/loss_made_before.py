# left: function|made elsewhere|given|where the loss|traced? back
# because: the step gets a finished loss as an argument; the statements that made it are elsewhere.
import torch
from torch import nn


class Optimization:
    """Wraps the optimizer so that the training script only hands over the loss."""

    def __init__(self, model, lr, max_norm=5.0):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.max_norm = max_norm

    def minimize(self, loss):
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.max_norm)
        self.optimizer.step()


model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 3))
optimization = Optimization(model, lr=1e-2)
for _ in range(30):
    x = torch.randn(32, 3)
    loss = nn.functional.mse_loss(model(x), x.flip(1))
    optimization.minimize(loss)
print(loss.item())
