"""Names that the new code would need mean something else here."""
import jax
import flax.nnx
import torch
from flax import nnx
from torch import nn

optax = {"learning_rate": 0.1}


class Net(nn.Module):
    def __init__(self, flax, t):
        super().__init__()
        setattr(self, "kept", nnx.BatchStat(t))


def build(model: nn.Module):
    return torch.optim.SGD(model.parameters(), lr=optax["learning_rate"])


def train(model: nn.Module, loss_fn, batches):
    params = {"lr": 0.1}
    optimizer = torch.optim.SGD(model.parameters(), lr=params["lr"])
    opt_state = optimizer.init(params)
    for batch in batches:
        grads = jax.grad(loss_fn)(params, batch)
        # jaxport: JXP202 not ported: `params` is something of your own
        optimizer.step()


def total(model: nn.Module, nnx=None):
    return sum(p.sum() for p in jax.tree.leaves(flax.nnx.state(model, flax.nnx.Param)))
