# left: locals|run time|by itself
# because: `locals()` within a loss function has only that function's names: `total` would miss what
# stays outside, and take in `model`.
import torch
from torch import nn


def train(model, batches, weights):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for x in batches:
        code = model[0](x)
        output = model[1](code)
        loss_fit = (output - x).pow(2).mean()
        loss_sparse = code.abs().mean()
        terms = {k: v for k, v in locals().items() if k.startswith("loss_")}
        total = sum(weights[k] * v for k, v in terms.items())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        print({k: round(v.item(), 4) for k, v in terms.items()})


batches = torch.randn(10, 8, 6)
model = nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 6))
train(model, batches, {"loss_fit": 1.0, "loss_sparse": 0.1})
