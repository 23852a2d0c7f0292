# left: requires_grad|frozen|freez
# because: until epoch 3 the body has no gradient and AdamW leaves it alone; with a gradient of 0 it
# decays, counts its steps, and is trained from the start if nobody takes the flag over.
import torch
from torch import nn

torch.manual_seed(0)
body = nn.Sequential(nn.Linear(5, 16), nn.ReLU())
head = nn.Linear(16, 3)
model = nn.Sequential(body, head)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
for p in body.parameters():
    p.requires_grad = False

for epoch in range(6):
    if epoch == 3:
        for p in body.parameters():
            p.requires_grad = True
    for _ in range(5):
        x, y = torch.randn(16, 5), torch.randint(0, 3, (16,))
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item(), body[0].weight.norm().item())
