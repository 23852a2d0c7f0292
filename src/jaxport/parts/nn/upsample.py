"""Layers that resize."""

# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Sequence

import jax
from flax import nnx

from jaxport.parts.functional.resize import interpolate


class Upsample(nnx.Module):
    """`torch.nn.Upsample`: resizes the spatial dimensions of (N, C, *spatial)."""

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        # Tuples, because a list cannot be a static attribute of a jitted module.
        self.size = tuple(size) if isinstance(size, Sequence) else size
        self.scale_factor = (
            tuple(scale_factor) if isinstance(scale_factor, Sequence) else scale_factor
        )
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return interpolate(
            inputs,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )


class UpsamplingNearest2d(Upsample):
    """`torch.nn.UpsamplingNearest2d`: inputs (N, C, H, W)."""

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`torch.nn.UpsamplingBilinear2d`: inputs (N, C, H, W), with the corners aligned."""

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
