"""Activation layers of `torch.nn` as modules of Flax. `inplace` has no meaning for JAX arrays."""

# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from jaxport.parts.functional.activation import hardtanh, leaky_relu, prelu, softplus, threshold


class ReLU(nnx.Module):
    """`torch.nn.ReLU`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.relu(x)


class ReLU6(nnx.Module):
    """`torch.nn.ReLU6`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.relu6(x)


class LeakyReLU(nnx.Module):
    """`torch.nn.LeakyReLU`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope

    def __call__(self, x: jax.Array) -> jax.Array:
        return leaky_relu(x, self.negative_slope)


class PReLU(nnx.Module):
    """`torch.nn.PReLU`: leaky ReLU with a learned slope, for all channels or for each of axis 1."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.weight = nnx.Param(jnp.full(num_parameters, init))

    def __call__(self, x: jax.Array) -> jax.Array:
        return prelu(x, self.weight[...])


class ELU(nnx.Module):
    """`torch.nn.ELU`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.elu(x, self.alpha)


class CELU(nnx.Module):
    """`torch.nn.CELU`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.celu(x, self.alpha)


class SELU(nnx.Module):
    """`torch.nn.SELU`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.selu(x)


class GELU(nnx.Module):
    """`torch.nn.GELU`: exact by default, where `jax.nn.gelu` approximates.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")
        self.approximate = approximate

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.gelu(x, approximate=self.approximate == "tanh")


class SiLU(nnx.Module):
    """`torch.nn.SiLU`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.silu(x)


class Mish(nnx.Module):
    """`torch.nn.Mish`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.mish(x)


class Hardswish(nnx.Module):
    """`torch.nn.Hardswish`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.hard_swish(x)


class GLU(nnx.Module):
    """`torch.nn.GLU`: the first half of axis `dim` times the sigmoid of the second."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.glu(x, axis=self.dim)


class Softplus(nnx.Module):
    """`torch.nn.Softplus`: linear where `beta` x is above `threshold`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold

    def __call__(self, x: jax.Array) -> jax.Array:
        return softplus(x, self.beta, self.threshold)


class Softsign(nnx.Module):
    """`torch.nn.Softsign`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.soft_sign(x)


class Sigmoid(nnx.Module):
    """`torch.nn.Sigmoid`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(x)


class LogSigmoid(nnx.Module):
    """`torch.nn.LogSigmoid`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.log_sigmoid(x)


class Hardsigmoid(nnx.Module):
    """`torch.nn.Hardsigmoid`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.hard_sigmoid(x)


class Tanh(nnx.Module):
    """`torch.nn.Tanh`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(x)


class Hardtanh(nnx.Module):
    """`torch.nn.Hardtanh`: `x` cut to [`min_val`, `max_val`]."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        self.min_val = min_val
        self.max_val = max_val

    def __call__(self, x: jax.Array) -> jax.Array:
        return hardtanh(x, self.min_val, self.max_val)


class Threshold(nnx.Module):
    """`torch.nn.Threshold`: `x` where it is above `threshold`, else `value`."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        self.threshold = threshold
        self.value = value

    def __call__(self, x: jax.Array) -> jax.Array:
        return threshold(x, self.threshold, self.value)


class Softmax(nnx.Module):
    """`torch.nn.Softmax` along axis `dim`."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(x, axis=self.dim)


class Softmin(nnx.Module):
    """`torch.nn.Softmin` along axis `dim`."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(-x, axis=self.dim)


class LogSoftmax(nnx.Module):
    """`torch.nn.LogSoftmax` along axis `dim`."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.log_softmax(x, axis=self.dim)


class Softmax2d(nnx.Module):
    """`torch.nn.Softmax2d`: softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(x, axis=-3)
