import flax.nnx as fnn
import torch
import torch.nn as nn
import torch.nn.functional as F


def norm(width, layer=nn.BatchNorm2d):
    return layer(width)


class Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width)
        self.layers = nn.ModuleList([nn.BatchNorm2d(width) for _ in range(3)])
        self.bn2 = norm(width)
        for i in range(3):
            setattr(self, f"table_{i}", fnn.BatchStat(torch.zeros(width)))

    def forward(self, x):
        training = self.training
        x = F.relu(self.bn1(x, use_running_average=not training))
        for layer in self.layers:
            x = layer(x, use_running_average=not training)
        return self.bn2(x)


def swap(online: Block, target: Block):
    state = fnn.to_pure_dict(fnn.state(online))
    fnn.update(target, state)


def wrapped(model: Block):
    parallel = nn.DataParallel(model)
    fnn.update(parallel.module, fnn.to_pure_dict(fnn.state(parallel.module)))
