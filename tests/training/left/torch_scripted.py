# left: jit|script
# because: TorchScript compiles the class from its source; a Flax module is nothing that it knows.
import torch
from torch import nn


class Smooth(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.inner = nn.Linear(size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = torch.tanh(self.inner(x))
        return x


model = torch.jit.script(Smooth(6))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for _ in range(20):
    x = torch.randn(8, 6)
    loss = nn.functional.mse_loss(model(x), x.flip(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
