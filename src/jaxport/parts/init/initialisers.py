"""The initial values of `torch.nn.init`, as functions that return them.

The array that is given has torch's layout, (out, in, …); only its shape and dtype are used.
"""

from __future__ import annotations

import math
from typing import Literal

import jax
import jax.numpy as jnp


def init_uniform(key: jax.Array, x: jax.Array, a: float = 0.0, b: float = 1.0) -> jax.Array:
    """Values like `x`, uniform from `a` to `b`."""
    return jax.random.uniform(key, x.shape, x.dtype, a, b)


def init_normal(key: jax.Array, x: jax.Array, mean: float = 0.0, std: float = 1.0) -> jax.Array:
    """Values like `x`, normal with mean `mean` and standard deviation `std`."""
    return mean + std * jax.random.normal(key, x.shape, x.dtype)


def init_trunc_normal(
    key: jax.Array,
    x: jax.Array,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
) -> jax.Array:
    """Values like `x`, normal but only from `a` to `b`, which are no multiples of `std`.

    Raises:
        ValueError: `mean` is more than 4 `std` outside, where float32 can't tell the values apart.
    """
    lower, upper = (a - mean) / std, (b - mean) / std
    if lower > 4 or upper < -4:
        raise ValueError(f"a mean of {mean} is too far from [{a}, {b}] for a std of {std}")
    # Beyond 5.5 the distribution function is 0 or 1 in float32, and a sample could be infinite.
    lower, upper = max(lower, -5.5), min(upper, 5.5)
    sample = jax.random.truncated_normal(key, lower, upper, x.shape, x.dtype)
    return jnp.clip(mean + std * sample, a, b)


def init_eye(x: jax.Array) -> jax.Array:
    """The identity matrix like `x`, cut off or filled with zeros if that is not square."""
    rows, columns = x.shape
    return jnp.eye(rows, columns, dtype=x.dtype)


def init_dirac(x: jax.Array, groups: int = 1) -> jax.Array:
    """Kernels like `x`, (out, in / groups, *spatial), that pass on as many channels as they can.

    Raises:
        ValueError: `groups` does not divide the number of output channels.
    """
    if x.shape[0] % groups:
        raise ValueError(f"{x.shape[0]} channels can't be divided into {groups} groups")
    centre = (slice(None), slice(None), *(size // 2 for size in x.shape[2:]))
    channels = jnp.tile(jnp.eye(x.shape[0] // groups, x.shape[1], dtype=x.dtype), (groups, 1))
    return jnp.zeros_like(x).at[centre].set(channels)


def init_fans(x: jax.Array) -> tuple[int, int]:
    """How many inputs an output of weights like `x` has, and how many outputs an input.

    Raises:
        ValueError: `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError("weights with less than two axes have no fans")
    field = math.prod(x.shape[2:])
    return x.shape[1] * field, x.shape[0] * field


def init_calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the size of values through `nonlinearity`.

    Args:
        nonlinearity: torch's name of it, as "relu"; "linear" and "conv1d" among them.
        param: the slope of "leaky_relu", 0.01 if None; without effect on others.

    Raises:
        ValueError: torch has no gain for `nonlinearity`.
    """
    slope = 0.01 if param is None else param
    gains = {
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    ones = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
            "conv_transpose3d", "sigmoid")  # fmt: skip
    if nonlinearity in ones:
        return 1.0
    if nonlinearity not in gains:
        raise ValueError(f"no gain is known for {nonlinearity!r}")
    return gains[nonlinearity]


def init_xavier_uniform(key: jax.Array, x: jax.Array, gain: float = 1.0) -> jax.Array:
    """Values like `x`, uniform with the standard deviation of `init_xavier_normal`."""
    bound = gain * math.sqrt(6 / sum(init_fans(x)))
    return init_uniform(key, x, -bound, bound)


def init_xavier_normal(key: jax.Array, x: jax.Array, gain: float = 1.0) -> jax.Array:
    """Values like `x`, normal with standard deviation `gain` * sqrt(2 / (fan in + fan out))."""
    return init_normal(key, x, std=gain * math.sqrt(2 / sum(init_fans(x))))


def _kaiming_std(x: jax.Array, a: float, mode: str, nonlinearity: str) -> float:
    """The gain of `nonlinearity` over sqrt(fan); arguments as for `init_kaiming_normal`."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', not {mode!r}")
    fan_in, fan_out = init_fans(x)
    fan = fan_in if mode == "fan_in" else fan_out
    return init_calculate_gain(nonlinearity, a) / math.sqrt(fan)


def init_kaiming_uniform(
    key: jax.Array,
    x: jax.Array,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> jax.Array:
    """Values like `x`, uniform with the standard deviation of `init_kaiming_normal`."""
    bound = math.sqrt(3) * _kaiming_std(x, a, mode, nonlinearity)
    return init_uniform(key, x, -bound, bound)


def init_kaiming_normal(
    key: jax.Array,
    x: jax.Array,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> jax.Array:
    """Values like `x`, normal with standard deviation gain / sqrt(fan).

    Args:
        key: a PRNG key.
        x: an array of the shape and dtype that is wanted.
        a: the slope of "leaky_relu".
        mode: whether the fan is that of inputs or of outputs.
        nonlinearity: what the gain is for, see `init_calculate_gain`.
    """
    return init_normal(key, x, std=_kaiming_std(x, a, mode, nonlinearity))


def init_orthogonal(key: jax.Array, x: jax.Array, gain: float = 1.0) -> jax.Array:
    """Values like `x`, as a matrix (out, the rest) orthogonal in its shorter axis, times `gain`.

    Raises:
        ValueError: `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError("an orthogonal matrix needs two axes")
    matrix = (x.shape[0], math.prod(x.shape[1:]))
    return jax.nn.initializers.orthogonal(gain)(key, matrix, x.dtype).reshape(x.shape)
