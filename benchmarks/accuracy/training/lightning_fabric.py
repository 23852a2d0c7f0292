"""Lightning's Fabric: two optimizers, accumulation, clipping, mixed precision,
saving and loading.
"""

# judged: lightning

import tempfile

import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

for precision in ("32-true", "bf16-mixed", "bf16-true"):
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    fabric.launch()
    fabric.seed_everything(0)
    with fabric.init_module():
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    first = torch.optim.Adam(model[0].parameters(), lr=1e-2)
    second = torch.optim.SGD(model[2].parameters(), lr=1e-2, momentum=0.9)
    model, first, second = fabric.setup(model, first, second)
    data = DataLoader(TensorDataset(torch.randn(32, 4)), batch_size=8)
    data = fabric.setup_dataloaders(data)
    for step, (x,) in enumerate(data):
        with fabric.no_backward_sync(model, enabled=step % 2 == 0):
            fabric.backward(model(x).pow(2).mean())
        if step % 2:
            fabric.clip_gradients(model, first, max_norm=1.0)
            fabric.clip_gradients(model, second, clip_val=1.0)
            first.step()
            second.step()
            first.zero_grad()
            second.zero_grad()
    with tempfile.TemporaryDirectory() as folder:
        state = {"model": model, "first": first, "second": second, "step": step}
        fabric.save(folder + "/all.ckpt", state)
        fabric.load(folder + "/all.ckpt", state)
        fabric.save(folder + "/part.ckpt", {"model": model}, filter={"model": lambda k, _: k < "1"})
        fabric.load(folder + "/part.ckpt", {"model": model}, strict=False)
