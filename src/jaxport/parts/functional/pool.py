"""Pooling over windows of the last one, two or three dimensions."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxport.parts.functional.conv import _spatial


def _pool_padding(
    shape: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
) -> list[tuple[int, int]]:
    """What to pad before and after, so that whole windows fit.

    With `ceil_mode` a last window may hang over the right edge, if it starts before that edge.
    """
    pads = []
    for n, k, s, p, d in zip(shape, kernel_size, stride, padding, dilation, strict=True):
        reach = d * (k - 1) + 1
        windows = math.ceil((n + 2 * p - reach) / s) + 1
        if (windows - 1) * s >= n + p:
            windows -= 1
        overhang = (windows - 1) * s + reach - n - p
        pads.append((p, max(p, overhang) if ceil_mode else p))
    return pads


def _first_max(x: jax.Array, axis: int) -> jax.Array:
    """The maximum along `axis`; its gradient goes to the first of equal values, as in torch."""
    return jnp.take_along_axis(x, jnp.argmax(x, axis, keepdims=True), axis).squeeze(axis)


def _window_items(
    x: jax.Array, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> jax.Array:
    """What the windows over the last dimensions hold: (*leading, items of a window, *windows)."""
    rank = len(kernel_size)
    windows = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[-rank:], kernel_size, stride, dilation, strict=True)
    ]
    items = []
    for item in itertools.product(*map(range, kernel_size)):
        starts = [i * d for i, d in zip(item, dilation, strict=True)]
        places = [
            slice(start, start + (count - 1) * s + 1, s)
            for start, count, s in zip(starts, windows, stride, strict=True)
        ]
        index = (..., *places)
        items.append(x[index])
    return jnp.stack(items, axis=-1 - rank)


def _max_pool(
    rank: int,
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | Sequence[int],
    dilation: int | Sequence[int],
    ceil_mode: bool,
) -> jax.Array:
    """The maximum of each window over the last `rank` dimensions."""
    kernel_size, dilation = _spatial(kernel_size, rank), _spatial(dilation, rank)
    stride = kernel_size if stride is None else _spatial(stride, rank)
    padding = _spatial(padding, rank)
    pads = _pool_padding(input.shape[-rank:], kernel_size, stride, padding, dilation, ceil_mode)
    leading = input.ndim - rank
    if any(step != 1 for step in dilation):
        # reduce_window has no gradient for spread windows.
        x = jnp.pad(input, [(0, 0)] * leading + pads, constant_values=-jnp.inf)
        return _first_max(_window_items(x, kernel_size, stride, dilation), -1 - rank)
    return jax.lax.reduce_window(
        input,
        -jnp.inf,
        jax.lax.max,
        (1,) * leading + kernel_size,
        (1,) * leading + stride,
        [(0, 0)] * leading + pads,
    )


def max_pool1d(
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> jax.Array:
    """`torch.nn.functional.max_pool1d` of (…, L); a stride of None is the kernel's size."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> jax.Array:
    """`torch.nn.functional.max_pool2d` of (…, H, W); a stride of None is the kernel's size."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> jax.Array:
    """`torch.nn.functional.max_pool3d` of (…, D, H, W); a stride of None is the kernel's size."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode)


def _avg_pool(
    rank: int,
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | Sequence[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> jax.Array:
    """The mean of each window over the last `rank` dimensions.

    Padding counts as zeros unless `count_include_pad` is False; what hangs over the right edge
    because of `ceil_mode` never counts. `divisor_override` replaces the count.
    """
    if not jnp.issubdtype(input.dtype, jnp.floating):
        raise ValueError(f"average pooling needs floating point numbers, not {input.dtype}")
    kernel_size = _spatial(kernel_size, rank)
    stride = kernel_size if stride is None else _spatial(stride, rank)
    padding, shape = _spatial(padding, rank), input.shape[-rank:]
    pads = _pool_padding(shape, kernel_size, stride, padding, (1,) * rank, ceil_mode)
    leading = input.ndim - rank
    total = jax.lax.reduce_window(
        input,
        0.0,
        jax.lax.add,
        (1,) * leading + kernel_size,
        (1,) * leading + stride,
        [(0, 0)] * leading + pads,
    )
    if divisor_override is not None:
        return total / divisor_override
    counts = []
    for n, k, s, p, windows in zip(
        shape, kernel_size, stride, padding, total.shape[-rank:], strict=True
    ):
        start = np.arange(windows) * s - p
        end = np.minimum(start + k, n + p)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        counts.append(end - start)
    return total / functools.reduce(np.multiply.outer, counts).astype(input.dtype)


def avg_pool1d(
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> jax.Array:
    """`torch.nn.functional.avg_pool1d` of (…, L); a stride of None is the kernel's size."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> jax.Array:
    """`torch.nn.functional.avg_pool2d` of (…, H, W); a stride of None is the kernel's size."""
    return _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> jax.Array:
    """`torch.nn.functional.avg_pool3d` of (…, D, H, W); a stride of None is the kernel's size."""
    return _avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _adaptive_pool(
    rank: int,
    input: jax.Array,
    output_size: int | Sequence[int | None] | None,
    reduce: Callable[[jax.Array, int], jax.Array],
) -> jax.Array:
    """Splits each of the last `rank` dimensions into windows of about one size and reduces them.

    Window i of m over n places is [floor(i n / m), ceil((i + 1) n / m)): windows overlap where m
    does not divide n. A size of None keeps the dimension as it is.
    """
    first = input.ndim - rank
    # The last dimension comes first, so that a maximum is the first in row-major order.
    for axis, m in reversed([*enumerate(_spatial(output_size, rank), start=first)]):
        n = input.shape[axis]
        if m is None or m == n:
            continue
        if n % m == 0:
            split = (*input.shape[:axis], m, n // m, *input.shape[axis + 1 :])
            input = reduce(input.reshape(split), axis + 1)
        else:
            windows = [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
            parts = [reduce(jax.lax.slice_in_dim(input, a, b, axis=axis), axis) for a, b in windows]
            input = jnp.stack(parts, axis)
    return input


def adaptive_avg_pool1d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_avg_pool1d`: input (…, L); None keeps a size."""
    return _adaptive_pool(1, input, output_size, jnp.mean)


def adaptive_avg_pool2d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_avg_pool2d`: input (…, H, W); None keeps a size."""
    return _adaptive_pool(2, input, output_size, jnp.mean)


def adaptive_avg_pool3d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_avg_pool3d`: input (…, D, H, W); None keeps a size."""
    return _adaptive_pool(3, input, output_size, jnp.mean)


def adaptive_max_pool1d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_max_pool1d`: input (…, L); None keeps a size."""
    return _adaptive_pool(1, input, output_size, _first_max)


def adaptive_max_pool2d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_max_pool2d`: input (…, H, W); None keeps a size."""
    return _adaptive_pool(2, input, output_size, _first_max)


def adaptive_max_pool3d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_max_pool3d`: input (…, D, H, W); None keeps a size."""
    return _adaptive_pool(3, input, output_size, _first_max)
