"""Linear and bilinear maps of the last dimension."""

# mypy: allow-subclassing-any

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
from flax import nnx


class Linear(nnx.Linear):
    """`torch.nn.Linear`: an `nnx.Linear` that starts from torch's values.

    Kernel, (in, out), and bias are uniform within ±1/sqrt(in).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        bound = 1 / math.sqrt(in_features)
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        super().__init__(
            in_features,
            out_features,
            use_bias=bias,
            kernel_init=uniform,
            bias_init=uniform,
            rngs=rngs,
        )

    @property
    def weight(self) -> jax.Array:
        """The kernel in torch's layout, (out, in)."""
        return self.kernel[...].T

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.kernel[...] = value.T


class Bilinear(nnx.Module):
    """`torch.nn.Bilinear`: `x1ᵀ W x2 + b` with weight (out, in1, in2) and bias (out,).

    Both are uniform within ±1/sqrt(in1).
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        bound = 1 / math.sqrt(in1_features)
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        self.weight = nnx.Param(uniform(rngs.params(), (out_features, in1_features, in2_features)))
        self.bias = nnx.Param(uniform(rngs.params(), (out_features,))) if bias else nnx.data(None)

    def __call__(self, input1: jax.Array, input2: jax.Array) -> jax.Array:
        y = jnp.einsum("...i,oij,...j->...o", input1, self.weight[...], input2)
        return y if self.bias is None else y + self.bias[...]
