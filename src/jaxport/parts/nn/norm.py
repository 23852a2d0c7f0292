"""Normalization layers."""

# mypy: allow-subclassing-any

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import nnx

from jaxport.parts.functional.norm import rms_norm


class LayerNorm(nnx.LayerNorm):
    """`torch.nn.LayerNorm`: an `nnx.LayerNorm` over the last dimensions, those of the shape given.

    Scale and bias are flat; torch's eps, and the exact variance instead of nnx's fast one.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        axes = tuple(range(-len(self.normalized_shape), 0))
        super().__init__(
            math.prod(self.normalized_shape),
            epsilon=eps,
            use_scale=elementwise_affine,
            use_bias=elementwise_affine and bias,
            reduction_axes=axes,
            feature_axes=axes,
            use_fast_variance=False,
            rngs=nnx.Rngs(0),
        )

    @property
    def weight(self) -> jax.Array:
        """The scale in torch's shape, that of the normalized dimensions."""
        return self.scale[...].reshape(self.normalized_shape)

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.scale[...] = value.reshape(-1)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return super().__call__(inputs)


class RMSNorm(nnx.Module):
    """`torch.nn.RMSNorm`: `nnx.RMSNorm` has neither its shapes nor its eps of None.

    None means the spacing of the input's dtype at 1.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        ones = jnp.ones(self.normalized_shape)
        self.weight = nnx.Param(ones) if elementwise_affine else nnx.data(None)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        weight = None if self.weight is None else self.weight[...]
        return rms_norm(inputs, self.normalized_shape, weight, self.eps)


class GroupNorm(nnx.GroupNorm):
    """`torch.nn.GroupNorm`: an `nnx.GroupNorm` on (N, C, …), with torch's eps."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_channels,
            num_groups,
            epsilon=eps,
            use_scale=affine,
            use_bias=affine and bias,
            use_fast_variance=False,
            rngs=nnx.Rngs(0),
        )
        self.num_channels, self.eps = num_channels, eps

    @property
    def weight(self) -> jax.Array:
        """The scale, by torch's name."""
        return self.scale[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.scale[...] = value

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return jnp.moveaxis(super().__call__(jnp.moveaxis(inputs, 1, -1)), -1, 1)


class _InstanceNorm(nnx.InstanceNorm):
    """An `nnx.InstanceNorm` on (N, C, *spatial) or (C, *spatial), without running statistics."""

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: Literal[False] = False,
        *,
        bias: bool = True,
    ) -> None:
        if track_running_stats:
            raise ValueError("instance normalization keeps no running statistics here")
        super().__init__(
            num_features,
            epsilon=eps,
            use_scale=affine,
            use_bias=affine and bias,
            feature_axes=1,
            use_fast_variance=False,
            rngs=nnx.Rngs(0),
        )
        self.eps = eps

    @property
    def weight(self) -> jax.Array:
        """The scale, by torch's name."""
        return self.scale[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.scale[...] = value

    def __call__(self, inputs: jax.Array) -> jax.Array:
        if inputs.ndim == self.spatial_dims + 1:
            return super().__call__(inputs[None])[0]
        return super().__call__(inputs)


class InstanceNorm1d(_InstanceNorm):
    """`torch.nn.InstanceNorm1d`: inputs (N, C, L) or (C, L)."""

    spatial_dims = 1


class InstanceNorm2d(_InstanceNorm):
    """`torch.nn.InstanceNorm2d`: inputs (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


class InstanceNorm3d(_InstanceNorm):
    """`torch.nn.InstanceNorm3d`: inputs (N, C, D, H, W) or (C, D, H, W)."""

    spatial_dims = 3


class _BatchNorm(nnx.Module):
    """Batch normalization with the running statistics that torch keeps, on (N, C, …).

    Unlike in `nnx.BatchNorm` the running variance is the unbiased one, `momentum` is the weight of
    the new batch (None: the mean of all batches), and one value a channel raises ValueError.
    Without running statistics the batch's own are used in evaluation too.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.track_running_stats = track_running_stats
        self.use_running_average = False
        ones, zeros = jnp.ones(num_features), jnp.zeros(num_features)
        self.scale = nnx.Param(ones) if affine else nnx.data(None)
        self.bias = nnx.Param(zeros) if affine and bias else nnx.data(None)
        if track_running_stats:
            self.mean, self.var = nnx.BatchStat(zeros), nnx.BatchStat(ones)
            self.num_batches_tracked = nnx.BatchStat(jnp.array(0))

    @property
    def weight(self) -> jax.Array:
        """The scale, by torch's name."""
        return self.scale[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.scale[...] = value

    @property
    def running_mean(self) -> jax.Array | None:
        """The running mean, by torch's name."""
        return self.mean[...] if self.track_running_stats else None

    @running_mean.setter
    def running_mean(self, value: jax.Array) -> None:
        self.mean[...] = value

    @property
    def running_var(self) -> jax.Array | None:
        """The running variance, by torch's name."""
        return self.var[...] if self.track_running_stats else None

    @running_var.setter
    def running_var(self, value: jax.Array) -> None:
        self.var[...] = value

    def __call__(self, inputs: jax.Array, use_running_average: bool | None = None) -> jax.Array:
        if use_running_average is None:
            use_running_average = self.use_running_average
        if use_running_average and self.track_running_stats:
            mean, var = self.mean[...], self.var[...]
        else:
            axes = (0, *range(2, inputs.ndim))
            count = inputs.size // self.num_features
            if count == 1:
                raise ValueError(f"one value a channel has no variance: {inputs.shape}")
            mean, var = inputs.mean(axes), inputs.var(axes)
            if self.track_running_stats:
                self._track(mean, var * (count / (count - 1)))
        shape = (-1, *[1] * (inputs.ndim - 2))
        y = (inputs - mean.reshape(shape)) * jax.lax.rsqrt(var + self.eps).reshape(shape)
        if self.scale is not None:
            y = y * self.scale[...].reshape(shape)
        return y if self.bias is None else y + self.bias[...].reshape(shape)

    def _track(self, mean: jax.Array, var: jax.Array) -> None:
        """Moves the running statistics towards those of a batch."""
        self.num_batches_tracked[...] += 1
        weight = 1 / self.num_batches_tracked[...] if self.momentum is None else self.momentum
        for running, new in ((self.mean, mean), (self.var, var)):
            running[...] += weight * (jax.lax.stop_gradient(new) - running[...])


class BatchNorm1d(_BatchNorm):
    """`torch.nn.BatchNorm1d`: inputs (N, C) or (N, C, L)."""


class BatchNorm2d(_BatchNorm):
    """`torch.nn.BatchNorm2d`: inputs (N, C, H, W)."""


class BatchNorm3d(_BatchNorm):
    """`torch.nn.BatchNorm3d`: inputs (N, C, D, H, W)."""
