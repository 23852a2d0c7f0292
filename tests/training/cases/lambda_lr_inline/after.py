import torch
from parts import MLP, MSELoss, regression_batches

num_epochs = 6
net = MLP(hidden=10)
criterion = MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
# linear decay to zero
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=lambda epoch: 1 - epoch / num_epochs)

losses = []
for epoch in range(num_epochs):
    epoch_losses = []
    for x, y in regression_batches():
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        # jaxport: JXP202 not ported: its scheduler counts epochs, and the length of `regression_batches()` is not known
        optimizer.step()
        epoch_losses.append(loss.item())
    scheduler.step()
    losses.extend(epoch_losses)

MODELS = [net]
