# left: share_memory|process
# because: the processes train one model in shared memory, each writing over the others' steps; JAX
# arrays are not shared, so each would train a model of its own.
import torch
import torch.multiprocessing as mp
from torch import nn


def worker(rank: int, model: nn.Module):
    torch.manual_seed(rank)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(10):
        x = torch.randn(16, 4)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
        loss.backward()
        optimizer.step()
    print(rank, loss.item())


if __name__ == "__main__":
    model = nn.Linear(4, 1)
    model.share_memory()
    processes = [mp.Process(target=worker, args=(rank, model)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
