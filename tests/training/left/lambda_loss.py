# left: gets its name
# because: the loss is named in the call of `backward` itself.
import torch
from parts import MLP, regression_batches, where

huber = lambda e, d=0.5: where(abs(e) < d, 0.5 * e ** 2, d * (abs(e) - 0.5 * d)).mean()

net = MLP()
optim = torch.optim.Adam(params=net.parameters(), lr=1e-2)
losses = []
for _ in range(5):
    for xb, yb in regression_batches():
        optim.zero_grad()
        (loss := huber(net(xb) - yb)).backward()
        optim.step()
        losses.append(loss.item())

MODELS = [net]
