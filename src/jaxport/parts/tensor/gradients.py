"""Where gradients stop."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx


def no_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator `torch.no_grad()`: no gradient flows through what the function gives back."""

    def stop(value: Any) -> Any:
        return jax.lax.stop_gradient(value) if isinstance(value, jax.Array) else value

    @functools.wraps(function)
    def without_gradient(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return jax.tree.map(stop, result, is_leaf=lambda item: isinstance(item, nnx.Module))

    return without_gradient


def stopped(value: Any) -> Any:
    """The value with its arrays as constants, whatever else it holds."""

    def stop(item: Any) -> Any:
        return jax.lax.stop_gradient(item) if isinstance(item, jax.Array) else item

    return jax.tree.map(stop, value, is_leaf=lambda item: isinstance(item, nnx.Module))
