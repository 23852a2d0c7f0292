# left: float|\.item|concrete|number|tracer
# because: the weight of the second loss is a Python number out of the first: `float` on a tracer
# raises `ConcretizationTypeError` (measured; `.item()` alone passes without jit).
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 3), nn.Linear(3, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(30):
    x = torch.randn(16, 8)
    code = model[0](x)
    reconstruction = nn.functional.mse_loss(model[1](code), x)
    spread = (code.std(0) - 1).abs().mean()
    weight = min(1.0, float(reconstruction) / max(float(spread), 1e-8))
    loss = reconstruction + weight * spread
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{step}: {loss.item():.4f} (weight {weight:.3f})")
