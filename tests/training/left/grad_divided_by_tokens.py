# left: `?\.grad`?|gradients? .*(changed|by hand)
# because: the division would be applied to gradients that are not there, and the step would be
# larger by the number of tokens.
import torch
import torch.nn.functional as F
from torch import nn

vocab = 20
model = nn.Sequential(nn.Embedding(vocab, 16), nn.Linear(16, vocab))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)

for update in range(10):
    optimizer.zero_grad()
    tokens = 0
    for _ in range(4):
        batch = torch.randint(0, vocab, (4, int(torch.randint(5, 12, ()))))
        logits = model(batch[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, vocab), batch[:, 1:].reshape(-1), reduction="sum")
        loss.backward()
        tokens += batch[:, 1:].numel()
    for p in model.parameters():
        p.grad.div_(tokens)
    optimizer.step()
    print(update, loss.item())
