"""Graph attention with a dense adjacency matrix: to which community does a node belong?"""
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


def leaky_relu(x: jax.Array, negative_slope: float = 0.01) -> jax.Array:
    """Torch's leaky ReLU: at 0 its slope is `negative_slope`, that of `jax.nn.leaky_relu` is 1."""
    return jnp.where(x > 0, x, negative_slope * x)


class LeakyReLU(nnx.Module):
    """`torch.nn.LeakyReLU`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope

    def __call__(self, x: jax.Array) -> jax.Array:
        return leaky_relu(x, self.negative_slope)


def _dropout(x: jax.Array, p: float, key: jax.Array, mask_shape: tuple[int, ...]) -> jax.Array:
    """`x` with a share `p` set to 0 and the rest divided by 1 - `p`, by a mask of `mask_shape`."""
    if p == 1:
        return jnp.zeros_like(x)
    return jnp.where(jax.random.bernoulli(key, 1 - p, mask_shape), x / (1 - p), 0)


def torch_dropout(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Single values set to 0 with probability `p`; `x` itself when not training."""
    return _dropout(x, p, key, x.shape) if training and p > 0 else x


def init_calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the size of values through `nonlinearity`.

    Args:
        nonlinearity: torch's name of it, as "relu"; "linear" and "conv1d" among them.
        param: the slope of "leaky_relu", 0.01 if None; without effect on others.

    Raises:
        ValueError: torch has no gain for `nonlinearity`.
    """
    slope = 0.01 if param is None else param
    gains = {
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    ones = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
            "conv_transpose3d", "sigmoid")  # fmt: skip
    if nonlinearity in ones:
        return 1.0
    if nonlinearity not in gains:
        raise ValueError(f"no gain is known for {nonlinearity!r}")
    return gains[nonlinearity]


def init_fans(x: jax.Array) -> tuple[int, int]:
    """How many inputs an output of weights like `x` has, and how many outputs an input.

    Raises:
        ValueError: `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError("weights with less than two axes have no fans")
    field = math.prod(x.shape[2:])
    return x.shape[1] * field, x.shape[0] * field


def init_uniform(key: jax.Array, x: jax.Array, a: float = 0.0, b: float = 1.0) -> jax.Array:
    """Values like `x`, uniform from `a` to `b`."""
    return jax.random.uniform(key, x.shape, x.dtype, a, b)


def init_xavier_uniform(key: jax.Array, x: jax.Array, gain: float = 1.0) -> jax.Array:
    """Values like `x`, uniform with the standard deviation of `init_xavier_normal`."""
    bound = gain * math.sqrt(6 / sum(init_fans(x)))
    return init_uniform(key, x, -bound, bound)


class ValuesAndIndices(NamedTuple):
    """What torch gives for `max(dim)`, `sort`, `topk`, …: values, and where they were."""

    values: jax.Array
    indices: jax.Array


def _at(x: jax.Array, indices: jax.Array, dim: int, keepdim: bool = True) -> ValuesAndIndices:
    """The values of `x` at `indices`, which has the dimensions of `x`."""
    values = jnp.take_along_axis(x, indices, axis=dim)
    if keepdim:
        return ValuesAndIndices(values, indices)
    return ValuesAndIndices(jnp.squeeze(values, dim), jnp.squeeze(indices, dim))


def max_with_indices(x: jax.Array, dim: int, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.max` along a dimension: the maxima, and where the first of each is."""
    return _at(x, jnp.argmax(x, axis=dim, keepdims=True), dim, keepdim)


def _reduce(losses: jax.Array, reduction: str) -> jax.Array:
    """The mean or the sum of `losses`, or `losses` itself for "none"."""
    match reduction:
        case "mean":
            return losses.mean()
        case "sum":
            return losses.sum()
        case "none":
            return losses
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def _class_loss(
    log_probabilities: jax.Array,
    target: jax.Array,
    weight: jax.Array | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> jax.Array:
    """The cross entropy of (…, C) with classes (…); the rest as for `cross_entropy`."""
    classes = log_probabilities.shape[-1]
    counts = target != ignore_index
    index = jnp.where(counts, target, 0)
    # A negative index would count from the end: one beyond the end is filled with NaN instead.
    places = jnp.where(index < 0, classes, index)[..., None]
    losses = -jnp.take_along_axis(log_probabilities, places, -1, mode="fill").squeeze(-1)
    share = jnp.ones_like(losses)
    if weight is not None:
        share = weight[index]
        losses *= share
        log_probabilities *= weight
    if label_smoothing > 0:
        smooth = -log_probabilities.sum(-1) / classes
        losses = (1 - label_smoothing) * losses + label_smoothing * smooth
    losses = jnp.where(counts, losses, 0)
    if reduction == "mean":
        return losses.sum() / jnp.where(counts, share, 0).sum()
    return _reduce(losses, reduction)


def _classes_last(x: jax.Array) -> jax.Array:
    """(C,), (N, C) or (N, C, …) with the axis of the classes moved to the end."""
    return jnp.moveaxis(x, min(1, x.ndim - 1), -1)


def nll_loss(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    ignore_index: int = -100,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """The negative of the log-probability that `input` has for the class `target`.

    Args:
        input: log-probabilities, (C,), (N, C) or (N, C, …).
        target: classes from 0 to C - 1, of the shape of `input` without C.
        weight: a factor for each class, (C,); the mean is then the weighted one.
        ignore_index: the target that does not count, neither in the sum nor in the mean.
        reduction: see above.

    The loss of a target that is no class is NaN, where torch raises.
    """
    return _class_loss(_classes_last(input), target, weight, ignore_index, reduction, 0.0)


class AttentionHead(nnx.Module):
    """Each node becomes the weighted mean of its neighbours, itself among them."""

    deterministic = False  # train() and eval() set it

    def __init__(self, n_in, n_out, dropout, slope=0.2, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.n_in = n_in
        self.n_out = n_out
        self.dropout = dropout
        self.weight = nnx.Param(jnp.empty((n_in, n_out)))
        self.attend_from = nnx.Param(jnp.empty((n_out, 1)))
        self.attend_to = nnx.Param(jnp.empty((n_out, 1)))
        self.leaky_relu = LeakyReLU(slope)
        self.reset_parameters()

    def reset_parameters(self):
        gain = init_calculate_gain('relu')
        self.weight[...] = init_xavier_uniform(self.rngs(), self.weight[...], gain=gain)
        self.attend_from[...] = init_xavier_uniform(self.rngs(), self.attend_from[...], gain=gain)
        self.attend_to[...] = init_xavier_uniform(self.rngs(), self.attend_to[...], gain=gain)

    def __call__(self, x, adj):
        h = jnp.matmul(x, self.weight[...])
        # (n, 1) + (1, n): a score for every pair
        scores = jnp.matmul(h, self.attend_from[...]) + jnp.matmul(h, self.attend_to[...]).T
        scores = jnp.where(adj == 0, float("-inf"), self.leaky_relu(scores))
        attention = jax.nn.softmax(scores, axis=1)
        attention = torch_dropout(attention, self.dropout, training=not self.deterministic, key=self.rngs())
        return jnp.matmul(attention, h)

    def __repr__(self):
        return f"{self.__class__.__name__}({self.n_in} -> {self.n_out})"


class GAT(nnx.Module):
    deterministic = False  # train() and eval() set it

    def __init__(self, n_features, n_hidden, n_classes, n_heads, dropout=0.0, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.dropout = dropout
        self.heads = nnx.List(
            [AttentionHead(n_features, n_hidden, dropout, rngs=rngs) for _ in range(n_heads)])
        self.out = AttentionHead(n_heads * n_hidden, n_classes, dropout, rngs=rngs)

    def __call__(self, x, adj):
        x = torch_dropout(x, self.dropout, training=not self.deterministic, key=self.rngs())
        x = jnp.concatenate([jax.nn.elu(head(x, adj)) for head in self.heads], axis=1)
        x = torch_dropout(x, self.dropout, training=not self.deterministic, key=self.rngs())
        return jax.nn.log_softmax(self.out(x, adj), axis=1)


def communities(n=60, n_classes=3, n_features=12):
    """A random graph with more edges inside of a community; the features say little."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, size=n)
    same = labels[:, None] == labels[None, :]
    adj = np.triu(rng.random((n, n)) < np.where(same, 0.3, 0.03), 1)
    adj = (adj | adj.T | np.eye(n, dtype=bool)).astype(np.float32)
    centres = rng.normal(size=(n_classes, n_features))
    features = 0.5 * centres[labels] + rng.normal(size=(n, n_features))
    features /= np.abs(features).sum(1, keepdims=True)
    return jnp.array(adj, dtype=jnp.float32), jnp.array(features, dtype=jnp.float32), jnp.array(labels, dtype=int)


adj, features, labels = communities()
idx_train = jnp.array(range(30), dtype=int)
idx_test = jnp.array(range(30, 60), dtype=int)
if jax.default_backend() == "gpu":
    adj, features, labels = adj, features, labels


def accuracy(log_probs, target):
    found = max_with_indices(log_probs, 1)[1].astype(target.dtype)
    return (found == target).astype(float).sum() / len(target)


def build():
    rngs = nnx.Rngs(0)
    n_classes = int(labels.max()) + 1
    return GAT(features.shape[1], n_hidden=8, n_classes=n_classes, n_heads=4, rngs=rngs)


def train(model, epochs=100):
    optimizer = optax.chain(optax.add_decayed_weights(5e-4), optax.adam(learning_rate=0.01))
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(1, epochs + 1):
        model.train()

        def loss_fn(model):
            log_probs = model(features, adj)
            return nll_loss(log_probs[idx_train], labels[idx_train]), log_probs

        (loss, log_probs), grads = nnx.value_and_grad(loss_fn, has_aux=True)(model)
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)
        losses.append(loss.item())
        if epoch % 25 == 0:
            acc = accuracy(log_probs[idx_train], labels[idx_train])
            print('epoch {:03d}'.format(epoch), 'loss {:.4f}'.format(loss.item()),
                  'train accuracy {:.4f}'.format(acc.item()))
    return losses


def test(model):
    model.eval()
    log_probs = model(features, adj)
    loss = nll_loss(log_probs[idx_test], labels[idx_test])
    acc = accuracy(log_probs[idx_test], labels[idx_test])
    print('test loss {:.4f}'.format(loss.item()), 'accuracy {:.4f}'.format(acc.item()))


if __name__ == "__main__":
    model = build()
    losses = train(model)
    test(model)
