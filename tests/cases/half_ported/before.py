"""Gradients, state and parameters are JAX's already; only the optimizer is torch's."""
import jax
import torch.optim as optim
from flax import nnx
from torch.nn import Module


def train(model: Module, loss_fn, batches, clip: bool):
    # L2 decay stays L2.
    optimizer = optim.Adam(
        list(model.parameters()),  # all of them
        lr=1e-3,
        weight_decay=1e-4,
    )
    params = nnx.state(model, nnx.Param)
    opt_state = optimizer.init(params)
    value_and_grad = jax.value_and_grad(loss_fn)
    losses = []
    for index, batch in enumerate(batches):
        if clip:
            optimizer.zero_grad(set_to_none=True)
        loss, grads = value_and_grad(params, batch)
        losses.append(loss)
        if index % 2: optimizer.step()
        else:
            optimizer.step()  # the same
    return params, losses
