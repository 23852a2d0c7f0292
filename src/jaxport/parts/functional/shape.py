"""Padding, and moving values between channels, windows and places."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxport.parts.functional.conv import _spatial
from jaxport.parts.functional.pool import _window_items


def pad(
    input: jax.Array, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> jax.Array:
    """`torch.nn.functional.pad`: (before, after) of the last dimension, of the one before it, ….

    Args:
        input: any array; with a mode other than 'constant' the padding must fit into it.
        pad: two numbers a dimension; negative ones cut values off.
        mode: 'constant', 'reflect', 'replicate' or 'circular'.
        value: what to fill with in mode 'constant'; 0 if None.
    """
    widths = [(0, 0)] * (input.ndim - len(pad) // 2)
    widths += [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    if mode == "constant":
        fill = jnp.asarray(value or 0, input.dtype)
        return jax.lax.pad(input, fill, [(*width, 0) for width in widths])
    modes = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if mode not in modes:
        raise ValueError(f"mode must be 'constant' or one of {[*modes]}, not {mode!r}")
    for size, width in zip(input.shape, widths, strict=True):
        limit = {"reflect": size - 1, "circular": size}.get(mode)
        if min(width) < 0 or (limit is not None and max(width) > limit):
            raise ValueError(f"{mode} padding of {width} does not fit a size of {size}")
    return jnp.pad(input, widths, mode=modes[mode])


def pixel_shuffle(input: jax.Array, upscale_factor: int) -> jax.Array:
    """`torch.nn.functional.pixel_shuffle`: (…, C r², H, W) to (…, C, H r, W r)."""
    *leading, channels, h, w = input.shape
    r = upscale_factor
    x = input.reshape(*leading, channels // r**2, r, r, h, w)
    x = jnp.moveaxis(x, (-4, -3), (-3, -1))
    return x.reshape(*leading, channels // r**2, h * r, w * r)


def pixel_unshuffle(input: jax.Array, downscale_factor: int) -> jax.Array:
    """`torch.nn.functional.pixel_unshuffle`: (…, C, H r, W r) to (…, C r², H, W)."""
    *leading, channels, h, w = input.shape
    r = downscale_factor
    x = input.reshape(*leading, channels, h // r, r, w // r, r)
    x = jnp.moveaxis(x, (-3, -1), (-4, -3))
    return x.reshape(*leading, channels * r**2, h // r, w // r)


def channel_shuffle(input: jax.Array, groups: int) -> jax.Array:
    """`torch.nn.functional.channel_shuffle`: takes a channel from each group in turn."""
    n, channels, *spatial = input.shape
    x = input.reshape(n, groups, channels // groups, *spatial)
    return x.swapaxes(1, 2).reshape(input.shape)


def unfold(
    input: jax.Array,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> jax.Array:
    """`torch.nn.functional.unfold`: the windows of (N, C, H, W) as (N, C h w, windows).

    Without a batch it takes (C, H, W) to (C h w, windows).
    """
    *leading, channels = input.shape[:-2]
    kernel_size = _spatial(kernel_size, 2)
    pads = [(0, 0)] * (input.ndim - 2) + [(p, p) for p in _spatial(padding, 2)]
    items = _window_items(
        jnp.pad(input, pads), kernel_size, _spatial(stride, 2), _spatial(dilation, 2)
    )
    return items.reshape(*leading, channels * kernel_size[0] * kernel_size[1], -1)


def fold(
    input: jax.Array,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> jax.Array:
    """`torch.nn.functional.fold`: adds up windows (N, C h w, windows) to (N, C, H, W).

    It is the transpose of `unfold`.
    """
    h, w = _spatial(kernel_size, 2)
    *leading, rows, _ = input.shape
    shape = (*leading, rows // (h * w), *_spatial(output_size, 2))
    add_up = jax.linear_transpose(
        lambda x: unfold(x, (h, w), dilation, padding, stride),
        jax.ShapeDtypeStruct(shape, input.dtype),
    )
    return add_up(input)[0]
