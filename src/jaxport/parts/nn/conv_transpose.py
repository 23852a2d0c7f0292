"""Transposed convolution layers."""

# mypy: allow-subclassing-any

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import ClassVar

import jax
from flax import nnx

from jaxport.parts.functional.conv import _conv_transpose, _spatial


class _ConvTranspose(nnx.Module):
    """A transposed convolution with torch's weight, (in, out / groups, *kernel), and layout.

    `nnx.ConvTranspose` has no groups and no output padding. Weight and bias are uniform within
    ±1/sqrt(out / groups * kernel).
    """

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _spatial(kernel_size, self.spatial_dims)
        self.stride = _spatial(stride, self.spatial_dims)
        self.padding = _spatial(padding, self.spatial_dims)
        self.output_padding = _spatial(output_padding, self.spatial_dims)
        self.dilation = _spatial(dilation, self.spatial_dims)
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        self.weight = nnx.Param(uniform(rngs.params(), shape))
        self.bias = nnx.Param(uniform(rngs.params(), (out_channels,))) if bias else nnx.data(None)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _conv_transpose(
            self.spatial_dims,
            inputs,
            self.weight[...],
            None if self.bias is None else self.bias[...],
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTranspose):
    """`torch.nn.ConvTranspose1d`: inputs (N, C, L) or (C, L)."""

    spatial_dims = 1


class ConvTranspose2d(_ConvTranspose):
    """`torch.nn.ConvTranspose2d`: inputs (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


class ConvTranspose3d(_ConvTranspose):
    """`torch.nn.ConvTranspose3d`: inputs (N, C, D, H, W) or (C, D, H, W)."""

    spatial_dims = 3
