import time

import torch
from parts import MLP, MSELoss, regression_batches

model = MLP()
criterion = MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
seconds = []
losses = []


def one_pass(batches):
    for x, y in batches:
        started = time.perf_counter()
        try:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        finally:
            seconds.append(time.perf_counter() - started)
        losses.append(loss.item())


for epoch in range(5):
    one_pass(regression_batches())
print(f"{len(seconds)} steps in {sum(seconds):.2f} s")

MODELS = [model]
