"""Normalization by statistics, and by the lengths of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp


def _standardize(x: jax.Array, axes: tuple[int, ...], eps: float) -> jax.Array:
    """Mean 0 and variance 1 over `axes`, with `eps` added to the (biased) variance."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + eps)


def _per_channel(x: jax.Array, weight: jax.Array | None, bias: jax.Array | None) -> jax.Array:
    """`x * weight + bias` with one weight and bias a channel, dimension 1; None leaves it out."""
    shape = (-1, *[1] * (x.ndim - 2))
    if weight is not None:
        x = x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


def layer_norm(
    input: jax.Array,
    normalized_shape: Sequence[int],
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    eps: float = 1e-5,
) -> jax.Array:
    """`torch.nn.functional.layer_norm` over the last dimensions, those of `normalized_shape`."""
    y = _standardize(input, tuple(range(-len(normalized_shape), 0)), eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def rms_norm(
    input: jax.Array,
    normalized_shape: Sequence[int],
    weight: jax.Array | None = None,
    eps: float | None = None,
) -> jax.Array:
    """`torch.nn.functional.rms_norm`; `eps` is the spacing of the input's dtype at 1 if None."""
    axes = tuple(range(-len(normalized_shape), 0))
    eps = float(jnp.finfo(input.dtype).eps) if eps is None else eps
    y = input * jax.lax.rsqrt(jnp.square(input).mean(axes, keepdims=True) + eps)
    return y if weight is None else y * weight


def group_norm(
    input: jax.Array,
    num_groups: int,
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    eps: float = 1e-5,
) -> jax.Array:
    """`torch.nn.functional.group_norm`: input (N, C, …), weight and bias (C,)."""
    groups = input.reshape(input.shape[0], num_groups, -1)
    return _per_channel(_standardize(groups, (2,), eps).reshape(input.shape), weight, bias)


def instance_norm(
    input: jax.Array,
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    eps: float = 1e-5,
) -> jax.Array:
    """`torch.nn.functional.instance_norm` without running statistics: input (N, C, *spatial)."""
    return _per_channel(_standardize(input, tuple(range(2, input.ndim)), eps), weight, bias)


def batch_norm(
    input: jax.Array,
    running_mean: jax.Array | None,
    running_var: jax.Array | None,
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    eps: float = 1e-5,
) -> jax.Array:
    """`torch.nn.functional.batch_norm` that updates nothing: input (N, C, …).

    Uses the running statistics if they are given, as torch does outside training, and those of
    the batch if they are None.
    """
    if running_mean is None or running_var is None:
        y = _standardize(input, (0, *range(2, input.ndim)), eps)
    else:
        scale = jax.lax.rsqrt(running_var + eps)
        y = _per_channel(input, scale, -running_mean * scale)
    return _per_channel(y, weight, bias)


def _vector_norm(x: jax.Array, p: float, axis: int) -> jax.Array:
    """The p-norm along `axis`, which keeps size 1, for p of 1, 2 and infinity.

    Unlike `jnp.linalg.norm` and `jnp.abs` it has a gradient of 0 at 0, as torch has.
    """
    if p == 2:
        square = jnp.square(x).sum(axis, keepdims=True)
        return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    if p == 1:
        return (x * jnp.sign(x)).sum(axis, keepdims=True)
    if p == math.inf:
        return (x * jnp.sign(x)).max(axis, keepdims=True)
    raise ValueError(f"p must be 1, 2 or infinity, not {p}")


def normalize(input: jax.Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> jax.Array:
    """`torch.nn.functional.normalize`: vectors along `dim` get length 1; p is 1, 2 or infinity."""
    return input / jnp.maximum(_vector_norm(input, p, dim), eps)


def pairwise_distance(
    x1: jax.Array, x2: jax.Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> jax.Array:
    """`torch.nn.functional.pairwise_distance`: the norm of `x1 - x2 + eps`, p 1, 2 or infinity."""
    distance = _vector_norm(x1 - x2 + eps, p, -1)
    return distance if keepdim else distance.squeeze(-1)


def cosine_similarity(x1: jax.Array, x2: jax.Array, dim: int = 1, eps: float = 1e-8) -> jax.Array:
    """`torch.nn.functional.cosine_similarity`: lengths below `eps` count as `eps`."""
    x1, x2 = jnp.broadcast_arrays(x1, x2)
    lengths = [_vector_norm(x, 2, dim) for x in (x1, x2)]
    # As in torch, the lower limit is no part of what the gradient sees.
    n1, n2 = [n + jax.lax.stop_gradient(jnp.maximum(n, eps) - n) for n in lengths]
    return ((x1 / n1) * (x2 / n2)).sum(dim)
