# left: all parameters of modules
# because: the encoder stays as it is in torch; which parameters are left shows only at run time.
import torch
from parts import AutoEncoder, mse_loss, vectors

model = AutoEncoder()
for param in model.encoder.parameters():
    param.requires_grad = False

optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)

losses = []
for epoch in range(5):
    for x in vectors():
        optimizer.zero_grad()
        loss = mse_loss(model(x), x)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

MODELS = [model]
