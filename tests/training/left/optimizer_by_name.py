# left: run time|getattr|which optimizer|name
# because: only the configuration says which optimizer it is; their defaults are not Optax's.
import argparse

import torch
from torch import nn


def parse(args=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--optimizer", default="Adam", choices=["SGD", "Adam", "AdamW", "NAdam"])
    parser.add_argument("--lr", type=float, default=1e-3)
    return parser.parse_args(args)


def main(args):
    model = nn.Linear(20, 2)
    optimizer = getattr(torch.optim, args.optimizer)(model.parameters(), lr=args.lr)
    for _ in range(10):
        x, y = torch.randn(8, 20), torch.randint(0, 2, (8,))
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(loss.item())


if __name__ == "__main__":
    main(parse([]))
