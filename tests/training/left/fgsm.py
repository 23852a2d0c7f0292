# left: `?\.grad`?|gradients? .*(read|input|by hand)
# because: the first `backward` is there for the gradient of the inputs, `x.grad`; a gradient with
# respect to the model has none.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
epsilon = 0.1

for _ in range(20):
    x, y = torch.randn(32, 10), torch.randint(0, 2, (32,))
    x.requires_grad = True
    criterion(model(x), y).backward()
    x_adv = (x + epsilon * x.grad.sign()).detach()

    optimizer.zero_grad()
    loss = criterion(model(x_adv), y)
    loss.backward()
    optimizer.step()
    print(loss.item())
