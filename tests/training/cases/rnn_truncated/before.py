"""Truncated backpropagation through time: the hidden state goes on, its history does not."""
import torch
from parts import RNN, detach, mse_loss, series

chunk = 3
model = RNN(hidden=6)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = series(length=30)

losses = []
for epoch in range(6):
    h = model.init_hidden(4)
    for start in range(0, len(data), chunk):
        h = detach(h)
        loss = 0.0
        for x, y in data[start:start + chunk]:
            pred, h = model(x, h)
            loss += mse_loss(pred, y)
        loss = loss / chunk

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

MODELS = [model]
