# left: apex|amp|scale|half precision|mixed precision
# because: the loss that is differentiated is `scaled_loss`, and apex unscales in the patched
# `step`.
import torch
from apex import amp
from torch import nn

model = nn.Linear(32, 8).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
model, optimizer = amp.initialize(model, optimizer, opt_level="O1")
criterion = nn.CrossEntropyLoss().cuda()

for _ in range(10):
    x, y = torch.randn(16, 32).cuda(), torch.randint(0, 8, (16,)).cuda()
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    with amp.scale_loss(loss, optimizer) as scaled_loss:
        scaled_loss.backward()
    torch.nn.utils.clip_grad_norm_(amp.master_params(optimizer), 1.0)
    optimizer.step()
