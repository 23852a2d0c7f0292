# left: hook
# because: the hook masks the gradient during `backward`, so the pruned weights stay 0; nobody calls
# it under JAX and they grow back.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 1))
masks = {}
for name, p in model.named_parameters():
    if name.endswith("weight"):
        mask = (p.abs() > p.abs().median()).float()
        p.data.mul_(mask)
        p.register_hook(lambda grad, mask=mask: grad * mask)
        masks[name] = mask

optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(40):
    x = torch.randn(16, 10)
    loss = ((model(x) - x[:, :1]) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(float((model[0].weight[masks["0.weight"] == 0]).abs().max()))
