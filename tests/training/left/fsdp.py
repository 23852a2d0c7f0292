# left: FullyShardedDataParallel|FSDP|distributed|shard|several (processes|devices)
# because: the parameters are shards of the model's, and the clipping is over all processes.
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP


def train(rank, world_size, loader, epochs):
    dist.init_process_group("nccl", rank=rank, world_size=world_size)
    torch.cuda.set_device(rank)
    model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 10)).to(rank)
    model = FSDP(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    criterion = nn.CrossEntropyLoss()
    for _ in range(epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x.to(rank)), y.to(rank))
            loss.backward()
            model.clip_grad_norm_(1.0)
            optimizer.step()
    dist.destroy_process_group()
