# left: autograd\.grad|create_graph|second (order|derivative)|higher
# because: the outer gradient goes through the inner one, by `create_graph=True`.
import torch
from torch import nn
from torch.func import functional_call

model = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1))
meta_optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
mse = nn.MSELoss()
inner_lr = 0.01

for _ in range(10):
    meta_optimizer.zero_grad()
    meta_loss = 0.0
    for _ in range(4):
        phase, x = torch.rand(()) * 3, torch.rand(20, 1) * 4 - 2
        y = torch.sin(x + phase)
        weights = dict(model.named_parameters())
        loss = mse(functional_call(model, weights, (x[:10],)), y[:10])
        grads = torch.autograd.grad(loss, weights.values(), create_graph=True)
        adapted = {n: w - inner_lr * g for (n, w), g in zip(weights.items(), grads, strict=True)}
        meta_loss = meta_loss + mse(functional_call(model, adapted, (x[10:],)), y[10:])
    meta_loss.backward()
    meta_optimizer.step()
    print(meta_loss.item())
