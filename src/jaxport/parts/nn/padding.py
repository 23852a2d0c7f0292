"""Padding layers."""

# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import jax
from flax import nnx

from jaxport.parts.functional.conv import _spatial
from jaxport.parts.functional.shape import pad


class _Padding(nnx.Module):
    """Pads the last `spatial_dims` dimensions: (before, after) of the last one first.

    One number pads every side by as much.
    """

    spatial_dims: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: int | Sequence[int]) -> None:
        self.padding = _spatial(padding, 2 * self.spatial_dims)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return pad(inputs, self.padding, self.mode)


class _ConstantPadding(nnx.Module):
    """Pads the last `spatial_dims` dimensions with `value`, or cuts off where negative."""

    spatial_dims: ClassVar[int]

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        self.padding = _spatial(padding, 2 * self.spatial_dims)
        self.value = value

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return pad(inputs, self.padding, value=self.value)


class ZeroPad1d(_Padding):
    """`torch.nn.ZeroPad1d`."""

    spatial_dims = 1
    mode = "constant"


class ZeroPad2d(_Padding):
    """`torch.nn.ZeroPad2d`."""

    spatial_dims = 2
    mode = "constant"


class ZeroPad3d(_Padding):
    """`torch.nn.ZeroPad3d`."""

    spatial_dims = 3
    mode = "constant"


class ReflectionPad1d(_Padding):
    """`torch.nn.ReflectionPad1d`."""

    spatial_dims = 1
    mode = "reflect"


class ReflectionPad2d(_Padding):
    """`torch.nn.ReflectionPad2d`."""

    spatial_dims = 2
    mode = "reflect"


class ReflectionPad3d(_Padding):
    """`torch.nn.ReflectionPad3d`."""

    spatial_dims = 3
    mode = "reflect"


class ReplicationPad1d(_Padding):
    """`torch.nn.ReplicationPad1d`."""

    spatial_dims = 1
    mode = "replicate"


class ReplicationPad2d(_Padding):
    """`torch.nn.ReplicationPad2d`."""

    spatial_dims = 2
    mode = "replicate"


class ReplicationPad3d(_Padding):
    """`torch.nn.ReplicationPad3d`."""

    spatial_dims = 3
    mode = "replicate"


class CircularPad1d(_Padding):
    """`torch.nn.CircularPad1d`."""

    spatial_dims = 1
    mode = "circular"


class CircularPad2d(_Padding):
    """`torch.nn.CircularPad2d`."""

    spatial_dims = 2
    mode = "circular"


class CircularPad3d(_Padding):
    """`torch.nn.CircularPad3d`."""

    spatial_dims = 3
    mode = "circular"


class ConstantPad1d(_ConstantPadding):
    """`torch.nn.ConstantPad1d`."""

    spatial_dims = 1


class ConstantPad2d(_ConstantPadding):
    """`torch.nn.ConstantPad2d`."""

    spatial_dims = 2


class ConstantPad3d(_ConstantPadding):
    """`torch.nn.ConstantPad3d`."""

    spatial_dims = 3
