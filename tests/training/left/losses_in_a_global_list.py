# left: global|penalties|side effect|tracer|append|writes|changes
# because: the layers leave their penalties in a list outside; with tracers in it, the sum of the
# epoch's penalties after the step raises `UnexpectedTracerError` (measured).
import torch
from torch import nn

penalties = []


class Sparse(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x):
        y = torch.relu(self.linear(x))
        penalties.append(y.abs().mean())
        return y


model = nn.Sequential(Sparse(6, 12), Sparse(12, 12), nn.Linear(12, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(20):
    del penalties[:]
    x, y = torch.randn(8, 6), torch.randint(0, 2, (8,))
    loss = nn.functional.cross_entropy(model(x), y) + 0.01 * sum(penalties)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item(), sum(penalties).item())
