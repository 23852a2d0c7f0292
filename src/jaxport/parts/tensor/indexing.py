"""Reading and writing at places: torch's shape rules for indexes on top of `take` and `at`."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp


def gather(x: jax.Array, dim: int, index: jax.Array) -> jax.Array:
    """`torch.gather`: `jnp.take_along_axis`, with an index that is not broadcast.

    Where `index` is smaller than `x` in another dimension, the rest of `x` is not used.
    """
    dim %= x.ndim
    used = [slice(None if axis == dim else size) for axis, size in enumerate(index.shape)]
    return jnp.take_along_axis(x[tuple(used)], index, axis=dim)


def scatter(x: jax.Array, dim: int, index: jax.Array, src: jax.Array | float) -> jax.Array:
    """`torch.scatter`: writes `src` at `index` along a dimension.

    `src` is a number, or an array of which the part with the shape of `index` is used.
    """
    return x.at[_places(x, dim, index)].set(_as_written(x, index, src))


def scatter_add(x: jax.Array, dim: int, index: jax.Array, src: jax.Array | float) -> jax.Array:
    """`torch.scatter_add`: adds `src` at `index` along a dimension."""
    return x.at[_places(x, dim, index)].add(_as_written(x, index, src))


def scatter_reduce(
    x: jax.Array,
    dim: int,
    index: jax.Array,
    src: jax.Array | float,
    reduce: Literal["sum", "prod", "amax", "amin", "mean"],
    include_self: bool = True,
) -> jax.Array:
    """`torch.scatter_reduce`: reduces what falls on one place, with what was there or without."""
    places = _places(x, dim, index)
    values = _as_written(x, index, src)
    if reduce in ("sum", "mean"):
        start = x if include_self else x.at[places].set(0)
        total = start.at[places].add(values)
        if reduce == "sum":
            return total
        count = jnp.full_like(x, int(include_self)).at[places].add(1)
        count = jnp.maximum(count, 1)
        return total // count if jnp.issubdtype(x.dtype, jnp.integer) else total / count
    if reduce not in ("prod", "amax", "amin"):
        raise ValueError(f"reduce {reduce!r} is none of sum, prod, amax, amin, mean")
    if not include_self:
        # Any one of the values is as good as none: it is reduced once more with itself.
        x = x.at[places].set(jnp.ones((), x.dtype) if reduce == "prod" else values)
    if reduce == "prod":
        return x.at[places].multiply(values)
    return x.at[places].max(values) if reduce == "amax" else x.at[places].min(values)


def _places(x: jax.Array, dim: int, index: jax.Array) -> tuple[jax.Array, ...]:
    """The places in `x` that `index` means: its own in all dimensions but `dim`."""
    grid = jnp.indices(index.shape, sparse=True)
    dim %= x.ndim
    return (*grid[:dim], index, *grid[dim + 1 :])


def _as_written(x: jax.Array, index: jax.Array, src: jax.Array | float) -> jax.Array:
    """`src` as values for the places of `index`, with the type of `x`."""
    values = jnp.asarray(src, x.dtype)
    return values[tuple(slice(size) for size in index.shape)] if values.ndim else values


def index_add(x: jax.Array, dim: int, index: jax.Array, source: jax.Array) -> jax.Array:
    """`torch.index_add`: adds the slices of `source` to those of `x` at `index`."""
    return x.at[(slice(None),) * (dim % x.ndim) + (index,)].add(source)


def index_copy(x: jax.Array, dim: int, index: jax.Array, source: jax.Array) -> jax.Array:
    """`torch.index_copy`: puts the slices of `source` in place of those of `x` at `index`."""
    return x.at[(slice(None),) * (dim % x.ndim) + (index,)].set(source)


def index_fill(x: jax.Array, dim: int, index: jax.Array, value: jax.Array | float) -> jax.Array:
    """`torch.index_fill`: fills the slices of `x` at `index` with one value."""
    return index_copy(x, dim, index, jnp.asarray(value, x.dtype))


def masked_fill(x: jax.Array, mask: jax.Array, value: jax.Array | float) -> jax.Array:
    """`torch.masked_fill`: `jnp.where` that keeps the type of `x`."""
    return jnp.where(mask, jnp.asarray(value, x.dtype), x)


def masked_select(x: jax.Array, mask: jax.Array) -> jax.Array:
    """`torch.masked_select`: the items of `x` where `mask` is true, row by row. Not under `jit`."""
    items, chosen = jnp.broadcast_arrays(x, mask)
    return items[chosen]


def masked_scatter(x: jax.Array, mask: jax.Array, source: jax.Array) -> jax.Array:
    """`torch.masked_scatter`: puts the first items of `source` where `mask` is true, row by row."""
    mask = jnp.broadcast_to(mask, x.shape)
    number = jnp.cumsum(mask.ravel()).reshape(x.shape) - 1
    return jnp.where(mask, source.ravel()[number], x)
