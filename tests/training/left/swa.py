# left: scheduler does not step|AveragedModel|swa|SWA|averag
# because: the averaged model copies torch parameters and buffers, and `update_bn` resets torch's
# batch norm.
import torch
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
swa_model = AveragedModel(model)
swa_scheduler = SWALR(optimizer, swa_lr=0.05)
loader = [torch.randn(8, 4) for _ in range(6)]

for epoch in range(8):
    for x in loader:
        optimizer.zero_grad()
        loss = (model(x) - x.sum(1, keepdim=True)).abs().mean()
        loss.backward()
        optimizer.step()
    if epoch > 4:
        swa_model.update_parameters(model)
        swa_scheduler.step()
update_bn(loader, swa_model)
