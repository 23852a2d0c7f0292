# left: (several|list|dict|which|loop).*optimizer|optimizer.*(dict|list|container)|can't be seen
# because: which optimizer steps in a round shows only at run time, and each has its own state.
import torch
from torch import nn

model = nn.ModuleDict({"user": nn.Embedding(20, 4), "item": nn.Embedding(30, 4)})
optimizers = {
    "user": torch.optim.Adam(model["user"].parameters(), lr=1e-2),
    "item": torch.optim.SGD(model["item"].parameters(), lr=1e-1),
}
for step in range(30):
    user, item = torch.randint(0, 20, (16,)), torch.randint(0, 30, (16,))
    rating = (user % 2 == item % 2).float()
    score = (model["user"](user) * model["item"](item)).sum(1)
    loss = nn.functional.binary_cross_entropy_with_logits(score, rating)
    for opt in optimizers.values():
        opt.zero_grad()
    loss.backward()
    for name, opt in optimizers.items():
        if name == "user" or step > 10:
            opt.step()
