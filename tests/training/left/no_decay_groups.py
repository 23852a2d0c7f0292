# left: all parameters of modules|group
# because: the groups are told apart by the parameters' torch names and shapes, which Flax's
# parameters don't have (`weight` is `kernel`, `scale` or `embedding`).
import torch
from torch import nn

model = nn.Sequential(nn.Embedding(40, 16), nn.LayerNorm(16), nn.Linear(16, 40))
no_decay = ["bias", "1.weight"]
grouped = [
    {
        "params": [p for n, p in model.named_parameters() if not any(d in n for d in no_decay)],
        "weight_decay": 0.1,
    },
    {
        "params": [p for n, p in model.named_parameters() if any(d in n for d in no_decay)],
        "weight_decay": 0.0,
    },
]
optimizer = torch.optim.AdamW(grouped, lr=1e-3)
for _ in range(20):
    tokens = torch.randint(0, 40, (4, 12))
    loss = nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
