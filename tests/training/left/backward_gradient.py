# left: given a `gradient|backward\(gradient|argument of `?backward|vector|not (a )?(scalar|single)
# because: the output is not a scalar; the gradient given to `backward` takes the place of a loss.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)


def simulator_gradient(actions):
    """An outside simulator gives d(cost)/d(action), not the cost itself."""
    return 2 * (actions - torch.tensor([0.3, -0.7])) / len(actions)


for _ in range(30):
    states = torch.randn(16, 5)
    optimizer.zero_grad()
    actions = model(states)
    actions.backward(gradient=simulator_gradient(actions.detach()))
    optimizer.step()
print(actions.mean(0))
