# left: clip
# because: the clipping comes after the step and before the next `zero_grad`: it changes nothing,
# but in an Optax chain it would.
import torch
from torch import nn

model = nn.RNN(5, 10, batch_first=True)
decoder = nn.Linear(10, 5)
net = nn.ModuleList([model, decoder])
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

for step in range(30):
    sequence = torch.randn(8, 20, 5)
    optimizer.zero_grad()
    hidden, _ = model(sequence[:, :-1])
    loss = nn.functional.mse_loss(decoder(hidden), sequence[:, 1:])
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(net.parameters(), 0.25)
    print(step, loss.item())
