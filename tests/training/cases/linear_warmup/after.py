import torch
from parts import MLP, mse_loss, regression_batches

model = MLP()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, end_factor=1.0, total_iters=15)

losses = []
model.train()
for epoch in range(5):
    for x, y in regression_batches():
        optimizer.zero_grad()
        loss = mse_loss(model(x), y)
        loss.backward()
        # jaxport: JXP202 not ported: a scheduler changes its learning rate
        optimizer.step()
        warmup.step()
        losses.append(loss.item())

MODELS = [model]
