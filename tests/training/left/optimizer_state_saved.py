# left: state_dict|checkpoint|saved|loaded
# because: the moments are in the file under torch's numbering; an Optax state can't load them, and
# a fresh one starts the bias correction again.
import os
import tempfile

import torch
from torch import nn

path = os.path.join(tempfile.mkdtemp(), "last.pt")
model = nn.Linear(8, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
start = 0
if os.path.exists(path):
    checkpoint = torch.load(path)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    start = checkpoint["epoch"] + 1

for epoch in range(start, 3):
    for _ in range(5):
        x, y = torch.randn(16, 8), torch.randint(0, 2, (16,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    state = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, path)
