"""pytorch_optimizer: every optimizer it can build without second-order or special models,
on a tiny net.
"""

# judged: pytorch_optimizer, lion_pytorch, torch_ema

import pytorch_optimizer
import torch
from lion_pytorch import Lion
from torch import nn
from torch_ema import ExponentialMovingAverage

torch.manual_seed(0)
SPECIAL = (  # need a process group, groups of their own, a model or further arguments
    "adago", "adalomo", "adammini", "adamuon", "alig", "bsam", "demo", "distributedmuon", "lomo",
    "muon", "muonclip", "normuon", "ranger21", "spectralsphere",
)
x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


def train(model, optimizer, steps=12, twice=False):
    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward(create_graph=twice)
        return loss

    if hasattr(optimizer, "train"):
        optimizer.train()
    for _ in range(steps):
        closure()
        optimizer.step(closure)
    optimizer.load_state_dict(optimizer.state_dict())


for name in pytorch_optimizer.get_supported_optimizers():
    if name not in SPECIAL:
        model = network()
        train(model, pytorch_optimizer.load_optimizer(name)(model.parameters(), lr=1e-3), 12,
              name in ("adahessian", "sophiah"))

for wrap in (pytorch_optimizer.Lookahead, pytorch_optimizer.OrthoGrad,
             pytorch_optimizer.ScheduleFreeWrapper, pytorch_optimizer.TRAC):
    model = network()
    train(model, wrap(torch.optim.AdamW(model.parameters())))
for wrap in (pytorch_optimizer.SAM, pytorch_optimizer.LookSAM):
    model = network()
    train(model, wrap(model.parameters(), torch.optim.SGD, lr=0.1))

for options in ({}, {"use_triton": False, "weight_decay": 0.1, "decoupled_weight_decay": True}):
    model = network()
    train(model, Lion(model.parameters(), lr=1e-3, **options))

average = ExponentialMovingAverage(model.parameters(), decay=0.9)
average.update()
average.load_state_dict(average.state_dict())
with average.average_parameters():
    model(x)
average.store()
average.copy_to()
average.restore()
