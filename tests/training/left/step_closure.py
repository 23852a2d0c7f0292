# left: closure
# because: the gradients are made inside of `step`, by a function that the optimizer calls when it
# likes; at the place of the step there are none.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loader = [(torch.randn(8, 4), torch.randn(8, 1)) for _ in range(10)]

for epoch in range(3):
    total = 0.0
    for inputs, targets in loader:

        def closure(inputs=inputs, targets=targets):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            return loss

        total += optimizer.step(closure).item()
    print(f"epoch {epoch}: {total / len(loader):.4f}")
