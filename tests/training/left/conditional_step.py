# left: zero_grad|accumulat|condition
# because: how many gradients a step adds up depends on the data; `optax.MultiSteps` counts, and
# averages.
import torch
from torch import nn


def train(model: nn.Module, stream, samples_per_update: int = 64):
    """Batches come in all sizes: step as soon as enough samples have been seen."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.BCEWithLogitsLoss(reduction="sum")
    seen = 0
    for x, y in stream:
        loss = criterion(model(x).squeeze(1), y)
        loss.backward()
        seen += len(x)
        if seen >= samples_per_update:
            optimizer.step()
            optimizer.zero_grad()
            seen = 0


sizes = torch.randint(3, 40, (30,)).tolist()
train(nn.Linear(9, 1), [(torch.randn(n, 9), torch.randint(0, 2, (n,)).float()) for n in sizes])
