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
        # jaxport: JXP202 not ported: it does not train all parameters of modules (`model.parameters()`)
        optimizer.step()
        losses.append(loss.item())

MODELS = [model]
