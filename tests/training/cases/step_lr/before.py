import torch
from torch import optim
from torch.optim import lr_scheduler

from parts import MLP, DataLoader, MSELoss, regression_dataset

loader = DataLoader(regression_dataset())
model = MLP()
criterion = MSELoss()
optimizer_ft = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
# Decay LR by a factor of 0.1 every 2 epochs
exp_lr_scheduler = lr_scheduler.StepLR(optimizer_ft, step_size=2, gamma=0.1)

losses = []
for epoch in range(6):
    for xb, yb in loader:
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer_ft.step()
        optimizer_ft.zero_grad()
        losses.append(loss.item())
    exp_lr_scheduler.step()

MODELS = [model]
