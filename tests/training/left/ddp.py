# left: DistributedDataParallel|DDP|distributed|several (processes|devices)
# because: DDP averages the gradients over the processes while `backward` runs; nothing would.
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel as DDP


def main():
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29544")
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    dist.init_process_group("gloo", rank=rank, world_size=world)
    torch.manual_seed(rank)
    model = DDP(nn.Sequential(nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 5)))
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    for _ in range(10):
        optimizer.zero_grad()
        outputs = model(torch.randn(20, 10))
        loss = criterion(outputs, torch.randn(20, 5))
        loss.backward()
        optimizer.step()
        if rank == 0:
            print(loss.item())
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
