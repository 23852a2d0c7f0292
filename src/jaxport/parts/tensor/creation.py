"""New arrays whose type matters for what is in them."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def linspace(start: float, end: float, steps: int, dtype: jax.typing.DTypeLike) -> jax.Array:
    """`torch.linspace` in a type of floats; whole numbers are rounded in torch's own way."""
    if not jnp.issubdtype(dtype, jnp.inexact):
        raise ValueError(f"linspace in {jnp.dtype(dtype)} is not torch's")
    return jnp.linspace(start, end, steps, dtype=dtype)
