"""Items that are set by a mask or an array of places."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def set_items(x: jax.Array, index: Any, value: Any) -> jax.Array:
    """`x` with `x[index]` set to `value`, whose leading dimensions of size one do not count."""
    value = jnp.asarray(value, x.dtype)
    while value.ndim > x[index].ndim and value.shape[0] == 1:
        value = value[0]
    return x.at[index].set(value)
