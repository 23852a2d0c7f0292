"""Reductions and orders: those that give places as well, or treat ties in a way of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxport.parts.tensor.pointwise import absolute


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


def max_with_indices(x: jax.Array, dim: int, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.max` along a dimension: the maxima, and where the first of each is."""
    return _at(x, jnp.argmax(x, axis=dim, keepdims=True), dim, keepdim)


def min_with_indices(x: jax.Array, dim: int, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.min` along a dimension: the minima, and where the first of each is."""
    return _at(x, jnp.argmin(x, axis=dim, keepdims=True), dim, keepdim)


def sort_with_indices(x: jax.Array, dim: int = -1, descending: bool = False) -> ValuesAndIndices:
    """`torch.sort`, always stable."""
    return _at(x, jnp.argsort(x, axis=dim, descending=descending), dim)


def top_k(x: jax.Array, k: int, dim: int = -1, largest: bool = True) -> ValuesAndIndices:
    """`torch.topk`, always sorted; of equal values the first ones."""
    if largest:
        return ValuesAndIndices(*jax.lax.top_k(x, k, axis=dim % x.ndim))
    return _at(x, jax.lax.slice_in_dim(jnp.argsort(x, axis=dim), 0, k, axis=dim), dim)


def kth_value(x: jax.Array, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.kthvalue`: the value that is number `k`, from 1 on, in ascending order."""
    order = jnp.argsort(x, axis=dim)
    return _at(x, jax.lax.slice_in_dim(order, k - 1, k, axis=dim), dim, keepdim)


def median_with_indices(x: jax.Array, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.median` along a dimension: the lower of the two where there are two in the middle.

    `jnp.median` gives their mean. NaN wherever there is one.
    """
    middle = (x.shape[dim] - 1) // 2
    order = jnp.argsort(x, axis=dim)
    indices = jax.lax.slice_in_dim(order, middle, middle + 1, axis=dim)
    highest = jnp.argmax(x, axis=dim, keepdims=True)
    missing = jnp.isnan(jnp.take_along_axis(x, highest, axis=dim))
    return _at(x, jnp.where(missing, highest, indices), dim, keepdim)


def median(x: jax.Array) -> jax.Array:
    """`torch.median`: the lower of the two where there are two in the middle.

    Items that are equal share its gradient.
    """
    middle = jax.lax.stop_gradient(median_with_indices(x.ravel()).values)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return middle
    equal = jnp.where(jnp.isnan(middle), jnp.isnan(x), x == middle)
    changes = jnp.where(equal, x - jax.lax.stop_gradient(x), 0) / equal.sum().astype(x.dtype)
    return middle + jnp.where(jnp.isfinite(changes), changes, 0).sum()


def cummax(x: jax.Array, dim: int) -> ValuesAndIndices:
    """`torch.cummax`: running maxima, and where the last of each is."""
    dim %= x.ndim
    values = jax.lax.cummax(x, axis=dim)
    return ValuesAndIndices(values, _last_place(x, values, dim))


def cummin(x: jax.Array, dim: int) -> ValuesAndIndices:
    """`torch.cummin`: running minima, and where the last of each is."""
    dim %= x.ndim
    values = jax.lax.cummin(x, axis=dim)
    return ValuesAndIndices(values, _last_place(x, values, dim))


def _last_place(x: jax.Array, running: jax.Array, dim: int) -> jax.Array:
    """Where along `dim` the running value was last met."""
    places = jax.lax.broadcasted_iota(int, x.shape, dim)
    return jax.lax.cummax(jnp.where((x == running) | jnp.isnan(x), places, 0), axis=dim)


def var_mean(
    x: jax.Array,
    dim: int | Sequence[int] | None = None,
    correction: int = 1,
    keepdim: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """`torch.var_mean`."""
    variance = jnp.var(x, axis=dim, ddof=correction, keepdims=keepdim)
    return variance, jnp.mean(x, axis=dim, keepdims=keepdim)


def std(
    x: jax.Array,
    dim: int | Sequence[int] | None = None,
    correction: int = 1,
    keepdim: bool = False,
) -> jax.Array:
    """`torch.std`: as `jnp.std`, with a gradient of 0, not NaN, where nothing varies."""
    variance = jnp.var(x, axis=dim, ddof=correction, keepdims=keepdim)
    root = jnp.sqrt(jnp.where(variance == 0, 1, variance))
    return jnp.where(variance == 0, 0, root)


def std_mean(
    x: jax.Array,
    dim: int | Sequence[int] | None = None,
    correction: int = 1,
    keepdim: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """`torch.std_mean`."""
    return std(x, dim, correction, keepdim), jnp.mean(x, axis=dim, keepdims=keepdim)


def vector_norm(
    x: jax.Array,
    ord: float = 2,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
) -> jax.Array:
    """`torch.linalg.vector_norm`: `jnp.linalg.vector_norm` with torch's gradient at zero.

    It is 0 there, not NaN. 16-bit floats are added up in 32 bits.
    """
    axes = tuple(dim) if isinstance(dim, Sequence) else dim
    size = absolute(x)
    if ord in (0, math.inf, -math.inf):
        return jnp.linalg.vector_norm(size, ord=ord, axis=axes, keepdims=keepdim)
    wide = size.astype(jnp.promote_types(size.dtype, jnp.float32))
    total = jnp.sum(wide**ord, axis=axes, keepdims=keepdim)
    root = jnp.where(total == 0, 1, total) ** (1 / ord)
    return jnp.where(total == 0, 0, root).astype(size.dtype)


def runs(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`torch.unique_consecutive`: the value of every run of equal items, read row by row.

    Then for each item of `x` the number of its run, and how long each run is. Not under `jit`.
    """
    items = x.ravel()
    starts = jnp.concatenate([jnp.ones(min(items.size, 1), bool), items[1:] != items[:-1]])
    number = jnp.cumsum(starts) - 1
    return items[starts], number.reshape(x.shape), jnp.bincount(number)


def histc(x: jax.Array, bins: int = 100, low: float = 0, high: float = 0) -> jax.Array:
    """`torch.histc`: how many items are in each of `bins` equal intervals, as numbers like `x`.

    What is outside of `low` to `high` is not counted; equal ones stand for the extremes of `x`.
    """
    least, most = (jnp.min(x), jnp.max(x)) if low == high else (low, high)
    low, high = jnp.where(least == most, least - 1, least), jnp.where(least == most, most + 1, most)
    place = jnp.floor((x - low) / (high - low) * bins).astype(int)
    inside = (x >= low) & (x <= high)
    place = jnp.where(inside, jnp.minimum(place, bins - 1), bins)
    return jnp.zeros(bins, x.dtype).at[place.ravel()].add(1, mode="drop")
