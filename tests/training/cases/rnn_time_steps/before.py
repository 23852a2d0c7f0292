"""A loss for each time step, added up in a loop."""
import torch
from parts import RNN, mse_loss, series

model = RNN()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
sequence = series(length=6)
epochs = 50

losses = []
for epoch in range(epochs):
    hidden = model.init_hidden(4)
    optimizer.zero_grad()
    loss = 0
    for x_t, y_t in sequence:
        out, hidden = model(x_t, hidden)
        loss = loss + mse_loss(out, y_t)
    loss.backward()
    optimizer.step()
    losses.append(loss.item() / len(sequence))

MODELS = [model]
