# left: step
# because: both steps use the gradients of the first weights; Optax would need them kept, and the
# second `value_and_grad` that a port by the step makes has other ones.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for i in range(20):
    x = torch.randn(16, 3)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
    loss.backward()
    optimizer.step()
    if i < 5:
        # A second push while the loss is far away.
        optimizer.step()
    print(loss.item())
