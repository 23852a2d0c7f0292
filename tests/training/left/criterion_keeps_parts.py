# left: kept|keeps|stores?|side effect|tracer|attribute|parts|writes
# because: the criterion keeps its parts for the log: in a traced function it would keep tracers,
# and arithmetic with them after the step raises `UnexpectedTracerError` (measured).
import torch
from torch import nn


class ReconstructionLoss(nn.Module):
    def __init__(self, smoothness=0.1):
        super().__init__()
        self.smoothness = smoothness
        self.parts = {}

    def forward(self, output, target):
        fit = (output - target).abs().mean()
        smooth = (output[:, 1:] - output[:, :-1]).pow(2).mean()
        self.parts["fit"] = fit
        self.parts["smooth"] = smooth
        return fit + self.smoothness * smooth


model = nn.Sequential(nn.Linear(10, 4), nn.ReLU(), nn.Linear(4, 10))
criterion = ReconstructionLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(20):
    x = torch.randn(8, 10).cumsum(1)
    optimizer.zero_grad()
    loss = criterion(model(x), x)
    loss.backward()
    optimizer.step()
    share = criterion.parts["smooth"] / (criterion.parts["fit"] + 1e-8)
    print(step, loss.item(), share.item())
