import torch

from parts import MLP, mse_loss, no_grad, regression_batches

model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
train_batches = regression_batches(count=12)
x_val, y_val = train_batches.pop()

losses = []
best, patience, bad_epochs = float("inf"), 3, 0
for epoch in range(100):
    model.train()
    for x, y in train_batches:
        optimizer.zero_grad()
        loss = mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    model.eval()
    with no_grad():
        val_loss = mse_loss(model(x_val), y_val).item()
    if val_loss < best - 1e-3:
        best = val_loss
        bad_epochs = 0
    else:
        bad_epochs += 1
    if bad_epochs >= patience or len(losses) >= 110:
        print("stopping early at epoch", epoch)
        break

MODELS = [model]
