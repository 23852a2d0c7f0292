"""Dropout layers of `torch.nn` as layers of Flax."""

# mypy: allow-subclassing-any

from __future__ import annotations

import jax
from flax import nnx

from jaxport.parts.functional.dropout import alpha_dropout, dropout1d, dropout2d, dropout3d


class Dropout(nnx.Dropout):
    """`torch.nn.Dropout`: an `nnx.Dropout` with torch's arguments, 0.5 as the default."""

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rngs: nnx.Rngs) -> None:
        super().__init__(p, rngs=rngs)

    @property
    def p(self) -> float:
        """The probability that a value is dropped, `rate` in Flax."""
        return float(self.rate)


class Dropout1d(Dropout):
    """`torch.nn.Dropout1d`: drops whole channels of (N, C, L) or (C, L)."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return x if self.deterministic else dropout1d(x, self.rate, True, self.rngs())


class Dropout2d(Dropout):
    """`torch.nn.Dropout2d`: drops whole channels; the first two axes are always N and C."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return x if self.deterministic else dropout2d(x, self.rate, True, self.rngs())


class Dropout3d(Dropout):
    """`torch.nn.Dropout3d`: drops whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return x if self.deterministic else dropout3d(x, self.rate, True, self.rngs())


class AlphaDropout(Dropout):
    """`torch.nn.AlphaDropout`: dropout for SELU networks that keeps mean and variance."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return x if self.deterministic else alpha_dropout(x, self.rate, True, self.rngs())
