"""Regression by a mixture of experts, the best two of which answer for every sample."""
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


class LayerNorm(nnx.LayerNorm):
    """`torch.nn.LayerNorm`: an `nnx.LayerNorm` over the last dimensions, those of the shape given.

    Scale and bias are flat; torch's eps, and the exact variance instead of nnx's fast one.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        axes = tuple(range(-len(self.normalized_shape), 0))
        super().__init__(
            math.prod(self.normalized_shape),
            epsilon=eps,
            use_scale=elementwise_affine,
            use_bias=elementwise_affine and bias,
            reduction_axes=axes,
            feature_axes=axes,
            use_fast_variance=False,
            rngs=nnx.Rngs(0),
        )

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return super().__call__(inputs)


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


def mse_loss(
    input: jax.Array, target: jax.Array, reduction: Literal["mean", "sum", "none"] = "mean"
) -> jax.Array:
    """The squared difference of `input` and `target`."""
    return _reduce(jnp.square(input - target), reduction)


class MSELoss(nnx.Module):
    """`torch.nn.MSELoss`: the squared difference."""

    def __init__(self, *, reduction: Literal["mean", "sum", "none"] = "mean") -> None:
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return mse_loss(input, target, self.reduction)


class ReLU(nnx.Module):
    """`torch.nn.ReLU`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.relu(x)


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


def _as_written(x: jax.Array, index: jax.Array, src: jax.Array | float) -> jax.Array:
    """`src` as values for the places of `index`, with the type of `x`."""
    values = jnp.asarray(src, x.dtype)
    return values[tuple(slice(size) for size in index.shape)] if values.ndim else values


def _places(x: jax.Array, dim: int, index: jax.Array) -> tuple[jax.Array, ...]:
    """The places in `x` that `index` means: its own in all dimensions but `dim`."""
    grid = jnp.indices(index.shape, sparse=True)
    dim %= x.ndim
    return (*grid[:dim], index, *grid[dim + 1 :])


def scatter(x: jax.Array, dim: int, index: jax.Array, src: jax.Array | float) -> jax.Array:
    """`torch.scatter`: writes `src` at `index` along a dimension.

    `src` is a number, or an array of which the part with the shape of `index` is used.
    """
    return x.at[_places(x, dim, index)].set(_as_written(x, index, src))


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


def top_k(x: jax.Array, k: int, dim: int = -1, largest: bool = True) -> ValuesAndIndices:
    """`torch.topk`, always sorted; of equal values the first ones."""
    if largest:
        return ValuesAndIndices(*jax.lax.top_k(x, k, axis=dim % x.ndim))
    return _at(x, jax.lax.slice_in_dim(jnp.argsort(x, axis=dim), 0, k, axis=dim), dim)


class Expert(nnx.Module):
    def __init__(self, width: int, hidden: int, *, rngs: nnx.Rngs):
        self.net = Sequential(Linear(width, hidden, rngs=rngs), ReLU(), Linear(hidden, width, rngs=rngs))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.net(x)


class MoELayer(nnx.Module):
    """The sum of the outputs of k experts, weighted by a softmax over their k scores.

    Every expert computes every sample; the weights of those not chosen are zero.
    """

    def __init__(self, width: int, hidden: int, n_experts: int = 4, k: int = 2, *, rngs: nnx.Rngs):
        self.n_experts = n_experts
        self.k = k
        self.gate = Linear(width, n_experts, bias=False, rngs=rngs)
        self.experts = nnx.List([Expert(width, hidden, rngs=rngs) for _ in range(n_experts)])

    def __call__(self, x):
        scores = self.gate(x)
        best, chosen = top_k(scores, self.k, dim=-1)
        kept = scatter(jnp.full_like(scores, float('-inf')), -1, chosen, best)
        weights = jax.nn.softmax(kept, axis=-1)
        outputs = jnp.stack([expert(x) for expert in self.experts], axis=1)
        y = jnp.einsum('be,bed->bd', weights, outputs)
        return y, self.balance(scores, chosen) + 0.1 * self.spread(weights)

    def balance(self, scores, chosen):
        """One if the experts are asked alike, more if some are preferred."""
        asked = jax.nn.one_hot(chosen, self.n_experts, dtype=jnp.int32).sum(axis=1).astype(jnp.float32).mean(axis=0) / self.k
        return self.n_experts * jnp.sum(asked * jax.nn.softmax(scores, axis=-1).mean(axis=0))

    def spread(self, weights):
        """Variance of the experts' total weights over the square of their mean."""
        total = weights.sum(axis=0)
        return total.var(ddof=1) / (total.mean() ** 2 + 1e-10)


class Regressor(nnx.Module):
    def __init__(self, n_in: int = 2, width: int = 16, depth: int = 2, *, rngs: nnx.Rngs):
        self.embed = Linear(n_in, width, rngs=rngs)
        self.norms = nnx.List([LayerNorm(width) for _ in range(depth)])
        self.layers = nnx.List([MoELayer(width, 32, rngs=rngs) for _ in range(depth)])
        self.head = Linear(width, 1, rngs=rngs)

    def __call__(self, x):
        x = self.embed(x)
        auxiliary = 0.
        for norm, layer in zip(self.norms, self.layers):
            out, aux = layer(norm(x))
            x = x + out
            auxiliary = auxiliary + aux
        return self.head(x).squeeze(-1), auxiliary


def piecewise(n: int = 512):
    """A function with another rule in every quadrant."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(n, 2)).astype(np.float32)
    a, b = x[:, 0], x[:, 1]
    y = np.select([(a > 0) & (b > 0), (a <= 0) & (b > 0), (a <= 0) & (b <= 0)],
                  [np.sin(4 * a), a * b * 3, 1 - b ** 2], default=a - b)
    return jnp.asarray(x), jnp.asarray(y)


x_all, y_all = piecewise()
x_train, x_test = x_all[:448], x_all[448:]
y_train, y_test = y_all[:448], y_all[448:]


def build():
    rngs = nnx.Rngs(1)
    return Regressor(rngs=rngs)


def train(model, epochs=12, batch_size=64, aux_weight=1e-2):
    criterion = MSELoss()
    optimizer = optax.adam(learning_rate=3e-3)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(epochs):
        model.train()
        for i in range(0, x_train.shape[0], batch_size):
            x, y = x_train[i:i + batch_size], y_train[i:i + batch_size]

            def loss_fn(model):
                y_hat, aux = model(x)
                mse = criterion(y_hat, y)
                return mse + aux_weight * aux, (aux, mse)

            (loss, (aux, mse)), grads = nnx.value_and_grad(loss_fn, has_aux=True)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        model.eval()
        y_hat, _ = model(x_test)
        test_mse = criterion(y_hat, y_test)
        test_mse = jax.lax.stop_gradient(test_mse)
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1}: mse {mse.item():.4f}, balance {aux.item():.4f}, "
                  f"test mse {test_mse.item():.4f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
