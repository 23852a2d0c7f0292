# left: await|async
# because: the target is awaited between the output and the loss; other tasks run meanwhile, and a
# loss function can't wait.
import asyncio

import torch
from torch import nn


async def teacher(inputs, answers):
    while True:
        x = await inputs.get()
        await answers.put(x.norm(dim=1, keepdim=True))


async def main():
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    inputs, answers = asyncio.Queue(), asyncio.Queue()
    task = asyncio.create_task(teacher(inputs, answers))
    for _ in range(20):
        x = torch.randn(16, 4)
        await inputs.put(x)
        prediction = model(x)
        loss = nn.functional.mse_loss(prediction, await answers.get())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(loss.item())
    task.cancel()


asyncio.run(main())
