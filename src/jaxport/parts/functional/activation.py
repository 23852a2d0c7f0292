"""Activation functions of torch that `jax.nn` does not have, or with other slopes at a kink."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def leaky_relu(x: jax.Array, negative_slope: float = 0.01) -> jax.Array:
    """Torch's leaky ReLU: at 0 its slope is `negative_slope`, that of `jax.nn.leaky_relu` is 1."""
    return jnp.where(x > 0, x, negative_slope * x)


def hardtanh(x: jax.Array, min_val: float = -1.0, max_val: float = 1.0) -> jax.Array:
    """`x` cut to [`min_val`, `max_val`], with slope 0 at both ends, as torch has it."""
    return jnp.where(x <= min_val, min_val, jnp.where(x >= max_val, max_val, x))


def softplus(x: jax.Array, beta: float = 1.0, threshold: float = 20.0) -> jax.Array:
    """log(1 + exp(`beta` x)) / `beta`, and `x` itself where `beta` x is above `threshold`."""
    scaled = beta * x
    return jnp.where(scaled > threshold, x, jax.nn.softplus(scaled) / beta)


def threshold(x: jax.Array, limit: float, value: float) -> jax.Array:
    """`x` where it is above `limit`, else `value`."""
    return jnp.where(x <= limit, value, x)


def prelu(x: jax.Array, weight: jax.Array) -> jax.Array:
    """Leaky ReLU with a learned slope: one for all, or one for each channel of axis 1."""
    slope = weight.reshape(() if weight.size == 1 else (-1, *[1] * (x.ndim - 2)))
    return jnp.where(x > 0, x, slope * x)


def gumbel_softmax(
    logits: jax.Array, key: jax.Array, tau: float = 1.0, hard: bool = False, dim: int = -1
) -> jax.Array:
    """A sample from the Gumbel-softmax distribution of `logits` at temperature `tau`.

    With `hard` it is one-hot along `dim`, and its gradient is that of the soft sample.
    """
    noise = jax.random.gumbel(key, logits.shape, logits.dtype)
    soft = jax.nn.softmax((logits + noise) / tau, axis=dim)
    if not hard:
        return soft
    one_hot = jax.nn.one_hot(soft.argmax(dim), soft.shape[dim], dtype=soft.dtype, axis=dim)
    return one_hot - jax.lax.stop_gradient(soft) + soft
