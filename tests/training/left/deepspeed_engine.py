# left: [Dd]eep[Ss]peed|engine|`backward`.*(library|another)
# because: the engine is model, loss scale, clipping and optimizer in one; its `step` is no
# optimizer's.
import deepspeed
import torch
from torch import nn

model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
config = {"train_micro_batch_size_per_gpu": 8, "gradient_accumulation_steps": 2}
engine, optimizer, _, _ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)

for step in range(20):
    x = torch.randn(8, 64, device=engine.device)
    loss = nn.functional.mse_loss(engine(x), x)
    engine.backward(loss)
    engine.step()
    if step % 5 == 0:
        print(step, loss.item())
