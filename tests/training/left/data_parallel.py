# left: parallel. in line|DataParallel
# because: `parallel` is what runs and `net` is what is trained; batch norm sees a part of the batch
# on each device.
import torch
from torch import nn

net = nn.Sequential(nn.Linear(10, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 2))
parallel = nn.DataParallel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()

for epoch in range(5):
    parallel.train()
    x, y = torch.randn(64, 10), torch.randint(0, 2, (64,))
    output = parallel(x)
    loss = criterion(output, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    correct = (output.argmax(1) == y).sum().item()
    print(epoch, loss.item(), correct)
