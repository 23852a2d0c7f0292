"""Arithmetic item by item that `jax.numpy` has under no name of its own."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def divide_and_truncate(x: jax.Array | float, y: jax.Array | float) -> jax.Array:
    """`torch.div` with rounding towards zero: whole numbers stay whole numbers."""
    dtype = jnp.result_type(x, y)
    x, y = jnp.broadcast_arrays(jnp.asarray(x, dtype), jnp.asarray(y, dtype))
    return jax.lax.div(x, y) if jnp.issubdtype(dtype, jnp.integer) else jnp.trunc(x / y)


def absolute(x: jax.Array) -> jax.Array:
    """`torch.abs`: its gradient at zero is zero, that of `jnp.abs` is one."""
    return x * jnp.sign(x) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.abs(x)


def clamp(
    x: jax.Array, min: jax.Array | float | None = None, max: jax.Array | float | None = None
) -> jax.Array:
    """`torch.clamp`: its gradient at a bound is one, that of `jnp.clip` a half."""
    if min is not None:
        x = jnp.where((x < min) | (min != min), min, x)
    return x if max is None else jnp.where((x > max) | (max != max), max, x)


def plus(x: jax.Array, value: jax.Array | float) -> jax.Array:
    """`x.add_`: the sum in the type of `x`, however wide `value` is."""
    return (x + value).astype(x.dtype)


def times(x: jax.Array, value: jax.Array | float) -> jax.Array:
    """`x.mul_`: the product in the type of `x`, however wide `value` is."""
    return (x * value).astype(x.dtype)


def over(x: jax.Array, value: jax.Array | float) -> jax.Array:
    """`x.div_`: the quotient in the type of `x`, however wide `value` is."""
    return (x / value).astype(x.dtype)


def lerp(start: jax.Array, end: jax.Array, weight: jax.Array | float) -> jax.Array:
    """`torch.lerp`: the point between `start`, at weight 0, and `end`, at weight 1."""
    return start + weight * (end - start)


def angle(x: jax.Array) -> jax.Array:
    """`torch.angle`: as `jnp.angle`, but of -0.0 it is 0."""
    return jnp.angle(x) if jnp.iscomplexobj(x) else jnp.angle(jnp.where(x == 0, 0, x))


def polar(size: jax.Array, turn: jax.Array) -> jax.Array:
    """`torch.polar`: complex numbers from their absolute value and their angle."""
    return jax.lax.complex(size * jnp.cos(turn), size * jnp.sin(turn))


def view_as_real(x: jax.Array) -> jax.Array:
    """`torch.view_as_real`: real and imaginary part in a new last dimension."""
    return jnp.stack([x.real, x.imag], axis=-1)


def view_as_complex(x: jax.Array) -> jax.Array:
    """`torch.view_as_complex`: the two items of the last dimension as one complex number."""
    return jax.lax.complex(x[..., 0], x[..., 1])
