"""A variational autoencoder on 8x8 pictures of crosses."""
from __future__ import print_function
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


class Linear(nnx.Linear):
    """`torch.nn.Linear`: an `nnx.Linear` that starts from torch's values.

    Kernel, (in, out), and bias are uniform within ±1/sqrt(in).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        bound = 1 / math.sqrt(in_features)
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        super().__init__(
            in_features,
            out_features,
            use_bias=bias,
            kernel_init=uniform,
            bias_init=uniform,
            rngs=rngs,
        )


class Sequential(nnx.List):
    """`torch.nn.Sequential`: a list of layers, called one after the other.

    Unlike `nnx.Sequential` it hands on exactly one value (a tuple stays a tuple), can be indexed
    and sliced, and takes one dict of layers, which are then also attributes by their names.
    """

    def __init__(self, *layers: Any) -> None:
        named = len(layers) == 1 and isinstance(layers[0], dict)
        self._names: tuple[str, ...] = tuple(layers[0]) if named else ()
        if any(name.isdigit() for name in self._names):
            raise ValueError(f"layers of a Sequential cannot be named by numbers: {self._names}")
        super().__init__(layers[0].values() if named else layers)

    def __call__(self, x: Any) -> Any:
        for layer in self:
            x = layer(x)
        return x

    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, slice):
            return super().__getitem__(index)
        layers = super().__getitem__(index)
        if len(self._names) < len(self):
            return Sequential(*layers)
        return Sequential(dict(zip(self._names[index], layers, strict=True)))

    def __delitem__(self, index: int | slice) -> None:
        layers = list(self)
        del layers[index]
        while len(self):
            super().__delitem__(-1)
        self._names = ()
        self.extend(layers)

    def __getattr__(self, name: str) -> Any:
        names = vars(self).get("_names", ())
        if name not in names:
            raise AttributeError(f"Sequential has no attribute {name!r}")
        return self[names.index(name)]

    def __setattr__(self, name: str, value: Any) -> None:
        names = vars(self).get("_names", ())
        super().__setattr__(str(names.index(name)) if name in names else name, value)


class Sigmoid(nnx.Module):
    """`torch.nn.Sigmoid`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(x)


class Tanh(nnx.Module):
    """`torch.nn.Tanh`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(x)


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


def binary_cross_entropy(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """The cross entropy between probabilities `input` and probabilities `target`.

    Logarithms are at least -100, and slopes with respect to `input` at most 1e12, as in torch,
    so that probabilities of exactly 0 or 1 do no harm.
    """

    def value(x: jax.Array, y: jax.Array) -> jax.Array:
        return -y * jnp.maximum(jnp.log(x), -100) - (1 - y) * jnp.maximum(jnp.log1p(-x), -100)

    entropy = jax.custom_jvp(value)
    entropy.defjvps(
        lambda change, _, x, y: change * (x - y) / jnp.maximum(x * (1 - x), 1e-12),
        lambda change, _, x, y: change * (jnp.log1p(-x) - jnp.log(x)),
    )
    losses = entropy(input, target)
    return _reduce(losses if weight is None else weight * losses, reduction)


def split(x: jax.Array, sizes: int | Sequence[int], dim: int = 0) -> tuple[jax.Array, ...]:
    """`torch.split`: pieces of the given size, the last one smaller, or of the given sizes.

    `jnp.split` takes the number of pieces, or the places where to cut.
    """
    length = x.shape[dim]
    if isinstance(sizes, int):
        return tuple(jnp.split(x, list(range(sizes, length, sizes)), axis=dim))
    if sum(sizes) != length:
        raise ValueError(f"the sizes {list(sizes)} do not add up to {length}")
    cuts = [sum(sizes[:end]) for end in range(1, len(sizes))]
    return tuple(jnp.split(x, cuts, axis=dim))

SIZE = 8
LATENT = 4
BATCH = 16
EPOCHS = 8

rngs = nnx.Rngs(0)


def crosses(n):
    """A bright row and a bright column in a dark square."""
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(1, SIZE - 1, size=(2, n))
    x = rng.uniform(0.0, 0.1, size=(n, 1, SIZE, SIZE))
    for i in range(n):
        x[i, 0, rows[i]] = rng.uniform(0.8, 1.0)
        x[i, 0, :, cols[i]] = rng.uniform(0.8, 1.0)
    return jnp.asarray(x.astype(np.float32))


pictures = crosses(144)
train_pictures, test_pictures = pictures[:128], pictures[128:]
# drawn beforehand, so that a run can be repeated
draws = np.random.default_rng(1).standard_normal((EPOCHS, 128, LATENT))
draws = jnp.asarray(draws.astype(np.float32))


class Encoder(nnx.Module):
    """The mean and the log variance of the code."""

    def __init__(self, n_in, hidden, latent, *, rngs: nnx.Rngs):
        self.hidden = Linear(n_in, hidden, rngs=rngs)
        self.mean = Linear(hidden, latent, rngs=rngs)
        self.log_var = Linear(hidden, latent, rngs=rngs)

    def __call__(self, x):
        h = jnp.tanh(self.hidden(x.reshape(x.shape[0], -1)))
        return self.mean(h), self.log_var(h)


class VAE(nnx.Module):
    deterministic = False  # train() and eval() set it

    def __init__(self, n_in=SIZE * SIZE, hidden=48, latent=LATENT, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.latent = latent
        self.encoder = Encoder(n_in, hidden, latent, rngs=rngs)
        self.decoder = Sequential(
            Linear(latent, hidden, rngs=rngs),
            Tanh(),
            Linear(hidden, n_in, rngs=rngs),
            Sigmoid(),
        )

    def reparameterize(self, mean, log_var, noise=None):
        if self.deterministic:
            return mean
        std = jnp.exp((log_var / 2))
        if noise is None:
            noise = jax.random.normal(self.rngs(), std.shape, std.dtype)
        return mean + noise * std

    def __call__(self, x, noise=None):
        mean, log_var = self.encoder(x)
        z = self.reparameterize(mean, log_var, noise)
        return self.decoder(z).reshape(x.shape), mean, log_var

    def sample(self, n):
        z = jax.random.normal(self.rngs(), (n, self.latent))
        return self.decoder(z).reshape(n, 1, SIZE, SIZE)


def elbo_loss(x_hat, x, mean, log_var):
    """Reconstruction error and divergence from a standard normal, each a sum over the batch."""
    reconstruction = binary_cross_entropy(x_hat, x, reduction='sum')
    divergence = 0.5 * jnp.sum((mean ** 2) + jnp.exp(log_var) - log_var - 1)
    return reconstruction + divergence


def build(*, rngs: nnx.Rngs):
    return VAE(rngs=rngs)


def train(model):
    optimizer = optax.adam(learning_rate=5e-3)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(EPOCHS):
        model.train()
        total = 0
        for start in range(0, len(train_pictures), BATCH):
            x = train_pictures[start:start + BATCH]
            noise = draws[epoch, start:start + BATCH]

            def loss_fn(model):
                x_hat, mean, log_var = model(x, noise)
                return elbo_loss(x_hat, x, mean, log_var)

            loss, grads = nnx.value_and_grad(loss_fn)(model)
            total += loss.item()
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item() / len(x))
        print('Epoch: {} \tmean loss {:.4f}\ttest loss {:.4f}'.format(
            epoch + 1, total / len(train_pictures), evaluate(model)))
    return losses


def evaluate(model):
    model.eval()
    total = 0
    for x in split(test_pictures, BATCH):
        x = x
        x_hat, mean, log_var = model(x)
        total += elbo_loss(x_hat, x, mean, log_var).item()
    return total / len(test_pictures)


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
    print('brightness of samples: %.3f' % model.sample(4).mean().item())
