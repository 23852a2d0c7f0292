# left: [Aa]ccelerat|`backward`.*(library|another)
# because: `accelerator.backward` scales and divides the loss as its configuration says, and the
# prepared optimizer skips steps while gradients accumulate.
import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

accelerator = Accelerator(gradient_accumulation_steps=2)
model = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
data = TensorDataset(torch.randn(100, 12), torch.randint(0, 3, (100,)))
model, optimizer, loader = accelerator.prepare(model, optimizer, DataLoader(data, batch_size=10))

for _ in range(3):
    for x, y in loader:
        with accelerator.accumulate(model):
            loss = nn.functional.cross_entropy(model(x), y)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
