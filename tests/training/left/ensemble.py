# left: leaves the place
# because: the optimizers are made in a list, and stepped in a loop over it.
import torch
from parts import MLP, mse_loss, regression_batches

models = [MLP(name=f"member {i}") for i in range(3)]
optimizers = [torch.optim.Adam(m.parameters(), lr=0.01) for m in models]

losses = []
for x, y in regression_batches(count=20):
    for model, optimizer in zip(models, optimizers):
        optimizer.zero_grad()
        loss = mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

MODELS = models
