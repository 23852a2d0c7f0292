# left: detach|no_grad|(no|without) gradient|decay|not (every|all)|frozen
# because: the backbone has no gradient in torch, and is left alone; in Optax it has a gradient of
# 0, and the weight decay shrinks it.
import torch
from torch import nn

torch.manual_seed(0)
backbone = nn.Sequential(nn.Linear(5, 16), nn.ReLU())
head = nn.Linear(16, 3)
model = nn.Sequential(backbone, head)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)

for _ in range(40):
    x, y = torch.randn(16, 5), torch.randint(0, 3, (16,))
    with torch.no_grad():
        features = backbone(x)
    loss = nn.functional.cross_entropy(head(features), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item(), backbone[0].weight.norm().item())
