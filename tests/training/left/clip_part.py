# left: clip
# because: only the recurrent part is clipped, by its own norm; a clip in the chain takes the norm
# of all parameters.
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(4, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for _ in range(20):
    x = torch.randn(8, 15, 4)
    y = (x.sum((1, 2)) > 0).long()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.rnn.parameters(), 0.1)
    optimizer.step()
    print(loss.item())
