# left: replaced|new (layer|parameters)|after the optimizer|assigned|changes
# because: torch's optimizer goes on with the weights of the layer that was thrown away, so the new
# head stays as it is; Optax takes the model's parameters at each step and would train it.
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Linear(6, 12)
        self.head = nn.Linear(12, classes)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))


torch.manual_seed(0)
model = Classifier(4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(6):
    if epoch == 3:
        model.head = nn.Linear(12, 4)
    for _ in range(5):
        x, y = torch.randn(16, 6), torch.randint(0, 4, (16,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item(), model.head.weight.norm().item())
