"""Weight decay written by hand."""
import torch
from parts import MLP, MSELoss, regression_batches

model = MLP()
criterion = MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
l2_lambda = 0.001

losses = []
for epoch in range(5):
    for inputs, targets in regression_batches():
        optimizer.zero_grad()
        outputs = model(inputs)
        mse = criterion(outputs, targets)

        # Add the L2 penalty
        l2_norm = sum((p ** 2).sum() for p in model.parameters())
        loss = mse + l2_lambda * l2_norm

        loss.backward()
        optimizer.step()
        losses.append(loss.item())

MODELS = [model]
