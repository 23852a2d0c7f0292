import torch
from parts import MLP, MSELoss, regression_batches

num_epochs = 6
batches = regression_batches()
net = MLP(hidden=10)
criterion = MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
# linear decay to zero
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=lambda epoch: 1 - epoch / num_epochs)

losses = []
for epoch in range(num_epochs):
    epoch_losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        epoch_losses.append(loss.item())
    scheduler.step()
    losses.extend(epoch_losses)

MODELS = [net]
