"""Pooling layers."""

# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx

from jaxport.parts.functional.conv import _spatial
from jaxport.parts.functional.pool import _adaptive_pool, _avg_pool, _first_max, _max_pool


class _MaxPool(nnx.Module):
    """The maximum of each window; `stride` is the kernel's size if None."""

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        return_indices: Literal[False] = False,
        ceil_mode: bool = False,
    ) -> None:
        if return_indices:
            raise ValueError("max pooling does not return indices here")
        self.kernel_size = _spatial(kernel_size, self.spatial_dims)
        self.stride = self.kernel_size if stride is None else _spatial(stride, self.spatial_dims)
        self.padding = _spatial(padding, self.spatial_dims)
        self.dilation = _spatial(dilation, self.spatial_dims)
        self.ceil_mode = ceil_mode

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _max_pool(
            self.spatial_dims,
            inputs,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
        )


class MaxPool1d(_MaxPool):
    """`torch.nn.MaxPool1d`: inputs (…, L)."""

    spatial_dims = 1


class MaxPool2d(_MaxPool):
    """`torch.nn.MaxPool2d`: inputs (…, H, W)."""

    spatial_dims = 2


class MaxPool3d(_MaxPool):
    """`torch.nn.MaxPool3d`: inputs (…, D, H, W)."""

    spatial_dims = 3


class _AvgPool(nnx.Module):
    """The mean of each window; `stride` is the kernel's size if None."""

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = _spatial(kernel_size, self.spatial_dims)
        self.stride = self.kernel_size if stride is None else _spatial(stride, self.spatial_dims)
        self.padding = _spatial(padding, self.spatial_dims)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _avg_pool(
            self.spatial_dims,
            inputs,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool1d(_AvgPool):
    """`torch.nn.AvgPool1d`: inputs (…, L)."""

    spatial_dims = 1


class AvgPool2d(_AvgPool):
    """`torch.nn.AvgPool2d`: inputs (…, H, W)."""

    spatial_dims = 2


class AvgPool3d(_AvgPool):
    """`torch.nn.AvgPool3d`: inputs (…, D, H, W)."""

    spatial_dims = 3


class _AdaptiveAvgPool(nnx.Module):
    """The means of `output_size` windows; None keeps a size."""

    spatial_dims: ClassVar[int]

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        self.output_size = _spatial(output_size, self.spatial_dims)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _adaptive_pool(self.spatial_dims, inputs, self.output_size, jnp.mean)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """`torch.nn.AdaptiveAvgPool1d`: inputs (…, L)."""

    spatial_dims = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """`torch.nn.AdaptiveAvgPool2d`: inputs (…, H, W)."""

    spatial_dims = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """`torch.nn.AdaptiveAvgPool3d`: inputs (…, D, H, W)."""

    spatial_dims = 3


class _AdaptiveMaxPool(nnx.Module):
    """The maxima of `output_size` windows; None keeps a size."""

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        output_size: int | Sequence[int | None] | None,
        return_indices: Literal[False] = False,
    ) -> None:
        if return_indices:
            raise ValueError("max pooling does not return indices here")
        self.output_size = _spatial(output_size, self.spatial_dims)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _adaptive_pool(self.spatial_dims, inputs, self.output_size, _first_max)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """`torch.nn.AdaptiveMaxPool1d`: inputs (…, L)."""

    spatial_dims = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """`torch.nn.AdaptiveMaxPool2d`: inputs (…, H, W)."""

    spatial_dims = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """`torch.nn.AdaptiveMaxPool3d`: inputs (…, D, H, W)."""

    spatial_dims = 3
