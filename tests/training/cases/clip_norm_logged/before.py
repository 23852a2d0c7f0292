import torch
import torch.nn as nn

from parts import DeepMLP, mse_loss, regression_batches

net = DeepMLP()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

losses, norms = [], []
for epoch in range(5):
    for x, y in regression_batches():
        opt.zero_grad()
        loss = mse_loss(net(x), y)
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(net.parameters(), max_norm=0.3)
        opt.step()
        norms.append(grad_norm.item())
        losses.append(loss.item())
    print(f"{epoch}: largest norm {max(norms):.3f}")

losses += norms
MODELS = [net]
