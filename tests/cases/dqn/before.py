"""A Q-network that is half way from PyTorch to JAX.

The training step already computes its gradients with JAX; buffers, the target network's copy,
the parameter count and the optimizer are still torch's.
"""

import jax
import torch
from flax import nnx
from torch import nn


class QNetwork(nn.Module):
    """State of shape (batch, features) to one value for each action."""

    def __init__(self, features: int, actions: int, mean: torch.Tensor, scale: torch.Tensor):
        super().__init__()
        # Statistics of the observations: saved with the network, never trained.
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale, persistent=True)
        self.register_buffer("visits", torch.zeros(actions), persistent=False)
        self.register_parameter("temperature", nn.Parameter(torch.ones(())))
        self.norm = nn.BatchNorm1d(features)
        self.hidden = nn.Linear(features, 64)
        self.out = nn.Linear(64, actions)

    def forward(self, x):
        training = self.training
        x = self.norm((x - self.mean) / self.scale)
        x = nn.functional.relu(self.hidden(x))
        return self.out(x) * self.temperature


def copy_to_target(network: QNetwork, target: QNetwork) -> None:
    target.load_state_dict(network.state_dict())


def weight_norm(network: QNetwork):
    return sum((weight**2).sum() for weight in network.parameters())


def restore(network: QNetwork, path: str) -> None:
    network.load_state_dict(torch.load(path))


def train(network: QNetwork, td_error, batches):
    """Fit `network` to batches of transitions; `td_error(params, batch)` is the loss."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-4, betas=(0.9, 0.95))
    params = nnx.state(network, nnx.Param)
    opt_state = optimizer.init(params)
    for batch in batches:
        optimizer.zero_grad()
        grads = jax.grad(td_error)(params, batch)
        optimizer.step()
    return params
