# left: (self\.|history|kept|stores?|side effect|tracer|attribute|append)
# because: the criterion keeps each loss for its running mean: in a traced function it would keep
# tracers, and the next call raises `UnexpectedTracerError` (measured).
import torch
from torch import nn


class SelfPacedLoss(nn.Module):
    """Weighs a batch by how its loss compares with those before."""

    def __init__(self, window=50):
        super().__init__()
        self.window = window
        self.history = []

    def forward(self, prediction, target):
        loss = nn.functional.mse_loss(prediction, target)
        self.history = [*self.history[-self.window :], loss.detach() + 0 * loss.detach()]
        mean = torch.stack(self.history).mean()
        return loss * torch.sigmoid(mean / (loss + 1e-6))


model = nn.Linear(3, 1)
criterion = SelfPacedLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(20):
    x = torch.randn(8, 3)
    optimizer.zero_grad()
    loss = criterion(model(x), x.sum(1, keepdim=True))
    loss.backward()
    optimizer.step()
