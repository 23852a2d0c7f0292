# left: NAdam|nadam|momentum
# because: torch warms the momentum up, `optax.nadam` does not (4e-2 apart after 30 steps).
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 24)
        self.bn = nn.BatchNorm1d(24)
        self.fc2 = nn.Linear(24, 4)

    def forward(self, x):
        return self.fc2(torch.relu(self.bn(self.fc1(x))))


net = Net()
optimizer = torch.optim.NAdam(net.parameters())
for _ in range(20):
    inputs, labels = torch.randn(16, 12), torch.randint(0, 4, (16,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(inputs), labels)
    loss.backward()
    optimizer.step()
