"""Accumulation counted over epochs; clipped, and the schedule goes with the updates."""
import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LinearLR

from parts import Classifier, DataLoader, classification_dataset, cross_entropy

ACCUM = 2
model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
scheduler = LinearLR(optimizer, start_factor=0.1, total_iters=20)
loader = DataLoader(classification_dataset(), batch_size=8, shuffle=True)

losses = []
updates_done = 0
micro_step = 0
model.train()
optimizer.zero_grad(set_to_none=True)
for epoch in range(10):
    for x, y in loader:
        loss = cross_entropy(model(x), y) / ACCUM
        loss.backward()
        losses.append(loss.item() * ACCUM)
        micro_step += 1
        if micro_step % ACCUM != 0:
            continue
        clip_grad_norm_(model.parameters(), 1.0)
        # jaxport: JXP202 not ported: a step can be left before `zero_grad`, and its gradients are added to the next one's
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)
        updates_done += 1
print(updates_done, "updates")

MODELS = [model]
