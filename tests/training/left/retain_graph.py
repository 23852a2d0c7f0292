# left: retain_graph|graph (is )?(kept|used)|more than (once|one)
# because: the hidden state is not detached, so each loss reaches back through all earlier steps of
# the graph; a loss function of one step sees the hidden state as a constant.
import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, features=6, hidden=12):
        super().__init__()
        self.cell = nn.GRUCell(features, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x, hidden):
        hidden = self.cell(x, hidden)
        return self.out(hidden), hidden


model = Tagger()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for sequence in [torch.randn(5, 4, 6) for _ in range(10)]:
    hidden = torch.zeros(4, 12)
    optimizer.zero_grad()
    for t in range(4):
        output, hidden = model(sequence[t], hidden)
        loss = ((output - sequence[t + 1, :, :1]) ** 2).mean()
        loss.backward(retain_graph=True)
    optimizer.step()
    print(loss.item())
