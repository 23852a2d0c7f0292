# left: clip|nonfinite
# because: torch raises on a NaN norm; `optax.clip_by_global_norm` turns all gradients into NaN and
# goes on.
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.Softplus(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(20):
    x = torch.rand(16, 4)
    output = nn.functional.softplus(model(x))
    loss = (output.log() - x.log().sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)
    optimizer.step()
    print(step, loss.item())
