"""Resizing, and sampling at given places."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxport.parts.functional.conv import _spatial
from jaxport.parts.functional.pool import _adaptive_pool


def interpolate(
    input: jax.Array,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> jax.Array:
    """`torch.nn.functional.interpolate` of (N, C, *spatial).

    Args:
        input: floating point numbers, unless the mode is one of the nearest.
        size: the new spatial size, or
        scale_factor: by how much to multiply it. The places to read are computed from this factor
            and not from the rounded sizes, unless `recompute_scale_factor`.
        mode: 'nearest', 'linear', 'bilinear', 'trilinear', 'bicubic' or 'area', and for images
            'nearest-exact'.
        align_corners: the first and last places of input and output are the same.
        recompute_scale_factor: see `scale_factor`.
        antialias: average over all that an output covers, when a linear or cubic mode shrinks.
    """
    rank = input.ndim - 2
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate needs either size or scale_factor")
    if mode == "nearest-exact" and rank != 2:
        # Where a place lies between two, torch reads one or the other, as the memory is laid out.
        raise ValueError(f"mode 'nearest-exact' needs four dimensions, not {input.ndim}")
    if antialias and (align_corners or mode not in ("bilinear", "bicubic")):
        raise ValueError("antialias needs mode 'bilinear' or 'bicubic', and no align_corners")
    if size is not None:
        sizes = _spatial(size, rank)
    else:
        factors = _spatial(scale_factor, rank)
        sizes = tuple(int(n * f) for n, f in zip(input.shape[2:], factors, strict=True))
    if mode == "area":
        return _adaptive_pool(rank, input, sizes, jnp.mean)
    if not (mode.startswith("nearest") or jnp.issubdtype(input.dtype, jnp.floating)):
        raise ValueError(f"mode {mode!r} needs floating point numbers, not {input.dtype}")
    for axis, new in enumerate(sizes, start=2):
        old = input.shape[axis]
        if align_corners:
            step = (old - 1) / (new - 1) if new > 1 else 0.0
        elif size is not None or recompute_scale_factor:
            step = old / new
        else:
            step = 1 / factors[axis - 2]
        if mode.startswith("nearest"):
            places = _nearest_places(old, new, step, mode)
            input = jnp.take(input, places, axis)
        elif old != new or step != 1:
            places, weights = _weighted_places(old, new, step, mode, align_corners, antialias)
            weights = weights.astype(input.dtype).reshape(*weights.shape, *[1] * (rank + 1 - axis))
            parts = [jnp.take(input, p, axis) * w for p, w in zip(places, weights, strict=True)]
            input = functools.reduce(jnp.add, parts)
    return input


def _nearest_places(old: int, new: int, step: float, mode: str) -> np.ndarray:
    """For each of `new` outputs the place, of `old`, whose value it has."""
    if mode not in ("nearest", "nearest-exact"):
        raise ValueError(f"unknown mode {mode!r}")
    offset = np.float32(0.0 if mode == "nearest" else 0.5)
    # Rounded as torch rounds, or another place is read where the product is nearly whole.
    places = (np.arange(new, dtype=np.float32) + offset) * np.float32(step)
    return np.asarray(places.astype(int).clip(max=old - 1))


def _weighted_places(
    old: int, new: int, step: float, mode: str, align_corners: bool | None, antialias: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The places, of `old`, that make up each of `new` outputs, and their weights: (parts, new)."""
    if mode not in ("linear", "bilinear", "trilinear", "bicubic"):
        raise ValueError(f"unknown mode {mode!r}")
    centers = np.arange(new) * step if align_corners else (np.arange(new) + 0.5) * step - 0.5
    stretch = max(step, 1.0) if antialias else 1.0
    radius = stretch * (2 if mode == "bicubic" else 1)
    first = np.floor(centers - radius).astype(int) + 1
    places = first + np.arange(math.ceil(2 * radius))[:, None]
    distance = np.abs(places - centers) / stretch
    if mode == "bicubic":
        a = -0.5 if antialias else -0.75
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = (((distance - 5) * distance + 8) * distance - 4) * a
        weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    else:
        weights = np.maximum(1 - distance, 0.0)
    if antialias:
        weights = np.where((places >= 0) & (places < old), weights, 0.0)
        weights /= weights.sum(axis=0)
    return np.clip(places, 0, old - 1), weights


def grid_sample(
    input: jax.Array,
    grid: jax.Array,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> jax.Array:
    """`torch.nn.functional.grid_sample`: values of (N, C, *spatial) at the places of a grid.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, *new spatial, 2 or 3): places (x, y) or (x, y, z), with -1 and 1 at the edges.
        mode: 'bilinear' (between all neighbours) or 'nearest'.
        padding_mode: 'zeros' for places outside, or 'border' for the nearest place inside.
        align_corners: the edges are the centres of the outermost values, and not their outsides.
    """
    if mode not in ("bilinear", "nearest") or padding_mode not in ("zeros", "border"):
        raise ValueError(f"grid_sample has no mode {mode!r} with padding mode {padding_mode!r}")
    sizes = input.shape[2:]
    corners = []
    for size, place in zip(sizes, jnp.moveaxis(grid[..., ::-1], -1, 0), strict=True):
        place = (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2
        if padding_mode == "border":
            # No gradient from the outside, nor from the edge itself: torch counts it as outside.
            inside = (place > 0) & (place < size - 1)
            place = jnp.where(inside, place, jax.lax.stop_gradient(place.clip(0, size - 1)))
        low = jnp.floor(place)
        if mode == "nearest":
            corners.append([(jnp.round(place), jnp.ones_like(place))])
        else:
            corners.append([(low, low + 1 - place), (low + 1, place - low)])

    def read(image: jax.Array, *places: jax.Array) -> jax.Array:
        index = (slice(None), *places)
        return image[index]

    output = jnp.zeros((), input.dtype)
    for corner in itertools.product(*corners):
        places = [place for place, _ in corner]
        inside = math.prod((p >= 0) & (p < n) for p, n in zip(places, sizes, strict=True))
        index = [p.clip(0, n - 1).astype(int) for p, n in zip(places, sizes, strict=True)]
        values = jax.vmap(read)(input, *index)
        weight = math.prod(weight for _, weight in corner)
        output = output + jnp.where(inside[:, None], values * jnp.expand_dims(weight, 1), 0)
    return output


def affine_grid(
    theta: jax.Array, size: Sequence[int], align_corners: bool | None = None
) -> jax.Array:
    """`torch.nn.functional.affine_grid`: where an affine map takes the places of an image.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: the shape of the output that is sampled, (N, C, *spatial).
        align_corners: as for `grid_sample`.

    Returns:
        The grid, (N, *spatial, 2 or 3), for `grid_sample`.
    """
    axes = []
    for n in size[2:]:
        edge = 1 if align_corners else (n - 1) / n
        axes.append(np.linspace(-edge, edge, n) if n > 1 else np.zeros(1))
    places = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(size[2:])], axis=-1)
    return jnp.einsum("...i,noi->n...o", places.astype(theta.dtype), theta)
