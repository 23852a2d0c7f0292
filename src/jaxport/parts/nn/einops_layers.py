"""The layers of `einops.layers.torch` as modules of Flax."""

# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Literal

import einops
import jax
from flax import nnx


class Rearrange(nnx.Module):
    """`einops.rearrange` with `pattern` and the lengths of its axes as a layer."""

    def __init__(self, pattern: str, **axes_lengths: int) -> None:
        self.pattern = pattern
        self.axes_lengths = axes_lengths

    def __call__(self, x: jax.Array) -> jax.Array:
        return einops.rearrange(x, self.pattern, **self.axes_lengths)


class Reduce(nnx.Module):
    """`einops.reduce` with `pattern`, `reduction` and the lengths of its axes as a layer."""

    def __init__(
        self,
        pattern: str,
        reduction: Literal["min", "max", "sum", "mean", "prod", "any", "all"],
        **axes_lengths: int,
    ) -> None:
        self.pattern = pattern
        self.reduction = reduction
        self.axes_lengths = axes_lengths

    def __call__(self, x: jax.Array) -> jax.Array:
        return einops.reduce(x, self.pattern, self.reduction, **self.axes_lengths)
