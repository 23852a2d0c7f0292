"""Breaks out of both loops after the step that reaches the limit."""
import torch
from parts import DataLoader, MLP, mse_loss, regression_dataset

max_steps = 55
target_loss = 1e-4
model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(regression_dataset())

losses = []
done = False
global_step = 0
while not done:
    for x, y in loader:
        loss = mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        global_step += 1
        losses.append(loss.item())
        if global_step >= max_steps or loss.item() < target_loss:
            done = True
            break

MODELS = [model]
