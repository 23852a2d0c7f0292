"""ExponentialLR once per epoch, as in the documentation of torch."""
import torch
from torch.optim.lr_scheduler import ExponentialLR

from parts import LinearRegression, mse_loss, regression_batches

dataset = regression_batches()
model = LinearRegression()
optimizer = torch.optim.SGD(model.parameters(), 0.1)
scheduler = ExponentialLR(optimizer, gamma=0.9)
losses = []

for epoch in range(10):
    for input, target in dataset:
        optimizer.zero_grad()
        output = model(input)
        loss = mse_loss(output, target)
        loss.backward()
        # jaxport: JXP202 not ported: a scheduler changes its learning rate
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()

MODELS = [model]
