# left: [Hh]orovod|DistributedOptimizer|distributed|several (processes|devices)|wrap
# because: the wrapped optimizer averages the gradients over the processes.
import horovod.torch as hvd
import torch
from torch import nn

hvd.init()
model = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01 * hvd.size(), momentum=0.5)
hvd.broadcast_parameters(model.state_dict(), root_rank=0)
optimizer = hvd.DistributedOptimizer(optimizer, named_parameters=model.named_parameters())

for _ in range(10):
    data, target = torch.randn(32, 20), torch.randint(0, 2, (32,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(data), target)
    loss.backward()
    optimizer.step()
