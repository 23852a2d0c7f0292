"""A Q-network that is half way from PyTorch to JAX.

The training step already computes its gradients with JAX; buffers, the target network's copy,
the parameter count and the optimizer are still torch's.
"""

import jax
import optax
import torch
from flax import nnx
from torch import nn


class QNetwork(nn.Module):
    """State of shape (batch, features) to one value for each action."""

    def __init__(self, features: int, actions: int, mean: torch.Tensor, scale: torch.Tensor):
        super().__init__()
        # Statistics of the observations: saved with the network, never trained.
        setattr(self, "mean", nnx.BatchStat(mean))
        setattr(self, "scale", nnx.BatchStat(scale))
        self.register_buffer("visits", torch.zeros(actions), persistent=False)
        setattr(self, "temperature", nnx.Param(nn.Parameter(torch.ones(()))))
        self.norm = nn.BatchNorm1d(features)
        self.hidden = nn.Linear(features, 64)
        self.out = nn.Linear(64, actions)

    def forward(self, x):
        training = self.training
        x = self.norm((x - self.mean) / self.scale, use_running_average=not training)
        x = nn.functional.relu(self.hidden(x))
        return self.out(x) * self.temperature


def copy_to_target(network: QNetwork, target: QNetwork) -> None:
    nnx.update(target, nnx.to_pure_dict(nnx.state(network)))


def weight_norm(network: QNetwork):
    return sum((weight**2).sum() for weight in jax.tree.leaves(nnx.state(network, nnx.Param)))


def restore(network: QNetwork, path: str) -> None:
    network.load_state_dict(torch.load(path))


def train(network: QNetwork, td_error, batches):
    """Fit `network` to batches of transitions; `td_error(params, batch)` is the loss."""
    optimizer = optax.adamw(learning_rate=3e-4, b1=0.9, b2=0.95, weight_decay=0.01)
    params = nnx.state(network, nnx.Param)
    opt_state = optimizer.init(params)
    for batch in batches:
        grads = jax.grad(td_error)(params, batch)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
    return params
