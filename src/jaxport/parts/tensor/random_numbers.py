"""Random numbers whose shape or parameters are those of arrays."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def normal(key: jax.Array, mean: jax.Array | float, std: jax.Array | float) -> jax.Array:
    """`torch.normal`: a normally distributed number for each mean and standard deviation."""
    shape = jnp.broadcast_shapes(jnp.shape(mean), jnp.shape(std))
    return mean + std * jax.random.normal(key, shape, jnp.result_type(mean, std))


def uniform_like(key: jax.Array, x: jax.Array, low: float = 0, high: float = 1) -> jax.Array:
    """`torch.rand_like`: uniform in [low, high), with the shape and type of `x`."""
    return jax.random.uniform(key, x.shape, x.dtype, low, high)


def normal_like(key: jax.Array, x: jax.Array) -> jax.Array:
    """`torch.randn_like`: standard normal, with the shape and type of `x`."""
    return jax.random.normal(key, x.shape, x.dtype)


def randint_like(key: jax.Array, x: jax.Array, low: int, high: int) -> jax.Array:
    """`torch.randint_like`: whole numbers in [low, high), with the shape and type of `x`."""
    return jax.random.randint(key, x.shape, low, high).astype(x.dtype)


def bernoulli(key: jax.Array, p: jax.Array) -> jax.Array:
    """`torch.bernoulli`: 1 with probability `p`, else 0, as numbers like `p`."""
    return jax.random.bernoulli(key, p).astype(p.dtype)


def bernoulli_like(key: jax.Array, x: jax.Array, p: jax.Array | float = 0.5) -> jax.Array:
    """`x.bernoulli_`: 1 with probability `p`, else 0, with the shape and type of `x`."""
    return jax.random.bernoulli(key, p, x.shape).astype(x.dtype)


def exponential_like(key: jax.Array, x: jax.Array) -> jax.Array:
    """`x.exponential_`: exponentially distributed, with the shape and type of `x`."""
    return jax.random.exponential(key, x.shape, x.dtype)


def multinomial(
    key: jax.Array, weights: jax.Array, num_samples: int, replacement: bool = False
) -> jax.Array:
    """`torch.multinomial`: places in the last dimension of (..., n), (..., num_samples).

    A place is drawn with a probability in proportion to its weight.
    """
    scores = jnp.log(weights)
    if replacement:
        shape = (num_samples, *weights.shape[:-1])
        return jnp.moveaxis(jax.random.categorical(key, scores, shape=shape), 0, -1)
    # The largest of scores with Gumbel noise are a draw without replacement, in order.
    return jax.lax.top_k(scores + jax.random.gumbel(key, scores.shape), num_samples)[1]
