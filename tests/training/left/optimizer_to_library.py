# left: (passed|given|handed|reach|another|library|unknown|schedul)
# because: the library changes the optimizer's learning rate through `param_groups`; how, is not to
# be seen here.
import torch
from timm.scheduler import CosineLRScheduler
from torch import nn

model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
scheduler = CosineLRScheduler(optimizer, t_initial=50, warmup_t=5, warmup_lr_init=1e-6)
criterion = nn.CrossEntropyLoss()

for update in range(50):
    x, y = torch.randn(16, 32), torch.randint(0, 2, (16,))
    loss = criterion(model(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step_update(update + 1)
    optimizer.zero_grad()
