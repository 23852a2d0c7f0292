"""Layers without variables that move values around or compare them."""

# mypy: allow-subclassing-any

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
from flax import nnx

from jaxport.parts.functional.conv import _spatial
from jaxport.parts.functional.norm import cosine_similarity, pairwise_distance
from jaxport.parts.functional.shape import (
    channel_shuffle,
    fold,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)


class Flatten(nnx.Module):
    """`torch.nn.Flatten`: makes dimensions `start_dim` to `end_dim` (with it) one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def __call__(self, inputs: jax.Array) -> jax.Array:
        shape = inputs.shape
        start, end = self.start_dim % inputs.ndim, self.end_dim % inputs.ndim + 1
        return inputs.reshape(*shape[:start], math.prod(shape[start:end]), *shape[end:])


class Unflatten(nnx.Module):
    """`torch.nn.Unflatten`: makes dimension `dim` several; one of the sizes may be -1."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        dim = self.dim % inputs.ndim
        return inputs.reshape(*inputs.shape[:dim], *self.unflattened_size, *inputs.shape[dim + 1 :])


class PixelShuffle(nnx.Module):
    """`torch.nn.PixelShuffle`: (…, C r², H, W) to (…, C, H r, W r)."""

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return pixel_shuffle(inputs, self.upscale_factor)


class PixelUnshuffle(nnx.Module):
    """`torch.nn.PixelUnshuffle`: (…, C, H r, W r) to (…, C r², H, W)."""

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = downscale_factor

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return pixel_unshuffle(inputs, self.downscale_factor)


class ChannelShuffle(nnx.Module):
    """`torch.nn.ChannelShuffle`: takes channels of (N, C, …) from each group in turn."""

    def __init__(self, groups: int) -> None:
        self.groups = groups

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return channel_shuffle(inputs, self.groups)


class Unfold(nnx.Module):
    """`torch.nn.Unfold`: the windows of (N, C, H, W) as (N, C h w, windows)."""

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        dilation: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        stride: int | Sequence[int] = 1,
    ) -> None:
        self.kernel_size = _spatial(kernel_size, 2)
        self.dilation = _spatial(dilation, 2)
        self.padding = _spatial(padding, 2)
        self.stride = _spatial(stride, 2)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return unfold(inputs, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(nnx.Module):
    """`torch.nn.Fold`: adds up windows (N, C h w, windows) to (N, C, *output_size)."""

    def __init__(
        self,
        output_size: int | Sequence[int],
        kernel_size: int | Sequence[int],
        dilation: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        stride: int | Sequence[int] = 1,
    ) -> None:
        self.output_size = _spatial(output_size, 2)
        self.kernel_size = _spatial(kernel_size, 2)
        self.dilation = _spatial(dilation, 2)
        self.padding = _spatial(padding, 2)
        self.stride = _spatial(stride, 2)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return fold(
            inputs, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )


class CosineSimilarity(nnx.Module):
    """`torch.nn.CosineSimilarity` along `dim`; lengths below `eps` count as `eps`."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim = dim
        self.eps = eps

    def __call__(self, x1: jax.Array, x2: jax.Array) -> jax.Array:
        return cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(nnx.Module):
    """`torch.nn.PairwiseDistance`: the norm of `x1 - x2 + eps`, for p of 1, 2 or infinity."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def __call__(self, x1: jax.Array, x2: jax.Array) -> jax.Array:
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
