"""Dropout functions of `torch.nn.functional`, with the PRNG key as an argument."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def _dropout(x: jax.Array, p: float, key: jax.Array, mask_shape: tuple[int, ...]) -> jax.Array:
    """`x` with a share `p` set to 0 and the rest divided by 1 - `p`, by a mask of `mask_shape`."""
    if p == 1:
        return jnp.zeros_like(x)
    return jnp.where(jax.random.bernoulli(key, 1 - p, mask_shape), x / (1 - p), 0)


def dropout(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Single values set to 0 with probability `p`; `x` itself when not training."""
    return _dropout(x, p, key, x.shape) if training and p > 0 else x


def dropout1d(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Whole channels of `x`, (N, C, L) or (C, L), set to 0 with probability `p`."""
    return _dropout(x, p, key, (*x.shape[:-1], 1)) if training and p > 0 else x


def dropout2d(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Whole channels of `x`, (N, C, …), set to 0 with probability `p`.

    The first two axes are N and C whatever the number of axes, as in torch: in (C, H, W) it is
    the rows of each channel that are dropped.
    """
    return _dropout(x, p, key, x.shape[:2] + (1,) * (x.ndim - 2)) if training and p > 0 else x


def dropout3d(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Whole channels of `x`, (N, C, D, H, W) or (C, D, H, W), set to 0 with probability `p`."""
    leading = 2 if x.ndim == 5 else 1
    mask_shape = x.shape[:leading] + (1,) * (x.ndim - leading)
    return _dropout(x, p, key, mask_shape) if training and p > 0 else x


def alpha_dropout(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Dropout for SELU networks: keeps a mean of 0 and a variance of 1.

    Dropped values become SELU's lower limit; then all are scaled and shifted.
    """
    if not training or p == 0:
        return x
    if p == 1:
        return jnp.zeros_like(x)
    lowest = -1.7580993408473766
    scale = ((1 - p) * (1 + p * lowest**2)) ** -0.5
    kept = jnp.where(jax.random.bernoulli(key, 1 - p, x.shape), x, lowest)
    return scale * (kept - p * lowest)
