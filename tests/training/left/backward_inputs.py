# left: more often|inputs
# because: only the head gets gradients, though the optimizer has all parameters: the others are
# left alone by torch, and trained by `value_and_grad` of the model.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(10):
    x, y = torch.randn(32, 6), torch.randint(0, 3, (32,))
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    if epoch < 5:
        loss.backward(inputs=list(model[2].parameters()))
    else:
        loss.backward()
    optimizer.step()
    print(epoch, loss.item())
