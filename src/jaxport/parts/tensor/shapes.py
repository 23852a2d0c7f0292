"""Cutting, repeating and rearranging: what `jax.numpy` does in more than one call."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp


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


def expand(x: jax.Array, sizes: int | Sequence[int]) -> jax.Array:
    """`x.expand`: `jnp.broadcast_to`, where -1 keeps the size of a dimension."""
    sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    new = len(sizes) - x.ndim
    kept = [x.shape[axis - new] if size == -1 else size for axis, size in enumerate(sizes)]
    return jnp.broadcast_to(x, kept)


def flatten(x: jax.Array, start_dim: int = 0, end_dim: int = -1) -> jax.Array:
    """`torch.flatten`: makes the dimensions from `start_dim` to `end_dim` one, both included."""
    if x.ndim == 0:
        return x.reshape(1)
    start, end = start_dim % x.ndim, end_dim % x.ndim
    length = math.prod(x.shape[start : end + 1])
    return x.reshape(*x.shape[:start], length, *x.shape[end + 1 :])


def unflatten(x: jax.Array, dim: int, sizes: Sequence[int]) -> jax.Array:
    """`torch.unflatten`: makes a dimension several; one of `sizes` can be -1."""
    dim %= x.ndim
    rest = x.shape[dim] // math.prod(size for size in sizes if size != -1)
    new = [rest if size == -1 else size for size in sizes]
    return x.reshape(*x.shape[:dim], *new, *x.shape[dim + 1 :])


def windows(x: jax.Array, dim: int, size: int, step: int) -> jax.Array:
    """`x.unfold`: all windows along a dimension, what is in them in a new last dimension."""
    starts = jnp.arange(0, x.shape[dim] - size + 1, step)
    taken = jnp.take(x, starts[:, None] + jnp.arange(size), axis=dim)
    return jnp.moveaxis(taken, dim % x.ndim + 1, -1)


def diag_embed(x: jax.Array) -> jax.Array:
    """`torch.diag_embed`: (..., n) on the diagonals of matrices (..., n, n) of zeros."""
    return jnp.where(jnp.eye(x.shape[-1], dtype=bool), x[..., None], jnp.zeros((), x.dtype))


def cartesian_prod(*arrays: jax.Array) -> jax.Array:
    """`torch.cartesian_prod`: every combination of the items of vectors, one a row."""
    if len(arrays) == 1:
        return arrays[0]
    grids = jnp.meshgrid(*arrays, indexing="ij")
    return jnp.stack([grid.ravel() for grid in grids], axis=-1)
