# left: (passed|given|handed|reach|another|library|unknown|schedul)
# because: the library changes the optimizer's learning rate through `param_groups`; how, is not to
# be seen here.
import torch
from torch import nn
from transformers import get_cosine_schedule_with_warmup

model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
scheduler = get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=5, num_training_steps=50)
criterion = nn.CrossEntropyLoss()

for _ in range(50):
    x, y = torch.randn(16, 32), torch.randint(0, 2, (16,))
    loss = criterion(model(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
