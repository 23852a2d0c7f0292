# left: between|side effect|several|more (than one|often)|loop
# because: the second batch is chosen by the numbers of the first loss: in one loss function for
# both they are tracers, and the sampler gets none.
import torch
from torch import nn


class HardSampler:
    def __init__(self, data):
        self.data = data
        self.score = torch.ones(len(data))

    def draw(self, n):
        return torch.multinomial(self.score, n)

    def record(self, index, values):
        for i, value in zip(index.tolist(), values.tolist(), strict=True):
            self.score[i] = 0.1 + value


torch.manual_seed(0)
data = torch.randn(64, 5)
sampler = HardSampler(data)
model = nn.Sequential(nn.Linear(5, 2), nn.Linear(2, 5))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(25):
    optimizer.zero_grad()
    for _ in range(2):
        index = sampler.draw(8)
        each = (model(data[index]) - data[index]).pow(2).mean(1)
        sampler.record(index, each.detach())
        (each.mean() / 2).backward()
    optimizer.step()
