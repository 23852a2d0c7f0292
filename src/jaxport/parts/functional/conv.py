"""Linear maps with torch's layouts: channels first, weights (out, in, …)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp


def linear(input: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """`torch.nn.functional.linear`: weight (out, in), as torch has it."""
    y = input @ weight.T
    return y if bias is None else y + bias


def embedding(input: jax.Array, weight: jax.Array, padding_idx: int | None = None) -> jax.Array:
    """`torch.nn.functional.embedding`: looking up `padding_idx` gives that row no gradient."""
    vectors = jnp.take(weight, input, axis=0)
    if padding_idx is None:
        return vectors
    padding = (input == padding_idx % weight.shape[0])[..., None]
    return jnp.where(padding, jax.lax.stop_gradient(vectors), vectors)


def _spatial(value: Any, rank: int) -> tuple[Any, ...]:
    """One value for each of `rank` spatial dimensions, from a sequence of them or one for all."""
    return tuple(value) if isinstance(value, Sequence) else (value,) * rank


def _conv_padding(
    padding: int | Sequence[int] | str,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[tuple[int, int], ...]:
    """What a convolution pads before and after each spatial dimension."""
    if padding == "same":
        if any(step != 1 for step in stride):
            raise ValueError("padding='same' needs a stride of 1")
        total = [d * (k - 1) for d, k in zip(dilation, kernel_size, strict=True)]
        return tuple((n // 2, n - n // 2) for n in total)
    if isinstance(padding, str):
        if padding != "valid":
            raise ValueError(f"padding must be numbers, 'same' or 'valid', not {padding!r}")
        padding = 0
    return tuple((n, n) for n in _spatial(padding, len(kernel_size)))


def _conv(
    rank: int,
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    stride: int | Sequence[int],
    padding: int | Sequence[int] | str,
    dilation: int | Sequence[int],
    groups: int,
) -> jax.Array:
    """Convolves (N, C, *spatial), or (C, *spatial), with weight (out, in / groups, *kernel)."""
    stride, dilation = _spatial(stride, rank), _spatial(dilation, rank)
    batched = input.ndim > rank + 1
    y = jax.lax.conv_general_dilated(
        input if batched else input[None],
        weight,
        stride,
        _conv_padding(padding, weight.shape[2:], stride, dilation),
        rhs_dilation=dilation,
        feature_group_count=groups,
    )
    if bias is not None:
        y = y + bias.reshape(-1, *[1] * rank)
    return y if batched else y[0]


def conv1d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> jax.Array:
    """`torch.nn.functional.conv1d`: input (N, C, L), weight (out, in / groups, k)."""
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> jax.Array:
    """`torch.nn.functional.conv2d`: input (N, C, H, W), weight (out, in / groups, h, w)."""
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> jax.Array:
    """`torch.nn.functional.conv3d`: input (N, C, D, H, W), weight (out, in / groups, d, h, w)."""
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(
    rank: int,
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    stride: int | Sequence[int],
    padding: int | Sequence[int],
    output_padding: int | Sequence[int],
    groups: int,
    dilation: int | Sequence[int],
) -> jax.Array:
    """The transpose of a convolution, with weight (in, out / groups, *kernel).

    It is a convolution of the input, spread out by `stride`, with the kernel turned round.
    """
    batched = input.ndim > rank + 1
    dilation = _spatial(dilation, rank)
    kernel_size = weight.shape[2:]
    kernel = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    kernel = kernel.reshape(-1, weight.shape[0] // groups, *kernel_size)
    pads = []
    sides = zip(_spatial(padding, rank), _spatial(output_padding, rank), strict=True)
    for k, d, (p, extra) in zip(kernel_size, dilation, sides, strict=True):
        pads.append((d * (k - 1) - p, d * (k - 1) - p + extra))
    y = jax.lax.conv_general_dilated(
        input if batched else input[None],
        jnp.flip(kernel, range(2, rank + 2)),
        (1,) * rank,
        pads,
        lhs_dilation=_spatial(stride, rank),
        rhs_dilation=dilation,
        feature_group_count=groups,
    )
    if bias is not None:
        y = y + bias.reshape(-1, *[1] * rank)
    return y if batched else y[0]


def conv_transpose1d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> jax.Array:
    """`torch.nn.functional.conv_transpose1d`: weight (in, out / groups, k)."""
    return _conv_transpose(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> jax.Array:
    """`torch.nn.functional.conv_transpose2d`: weight (in, out / groups, h, w)."""
    return _conv_transpose(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> jax.Array:
    """`torch.nn.functional.conv_transpose3d`: weight (in, out / groups, d, h, w)."""
    return _conv_transpose(
        3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )
