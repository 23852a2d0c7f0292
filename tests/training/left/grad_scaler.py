# left: GradScaler|half precision|mixed precision
# because: the scaled loss gives gradients `scale` times too large, and steps with infinities are
# skipped by the scaler, which Optax knows nothing of.
import torch
from torch import nn
from torch.amp import GradScaler, autocast

device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
scaler = GradScaler(device)

for step in range(20):
    x = torch.randn(16, 8, device=device)
    y = torch.randint(0, 3, (16,), device=device)
    optimizer.zero_grad(set_to_none=True)
    with autocast(device_type=device, dtype=torch.float16):
        loss = criterion(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    print(step, loss.item())
