"""Give torch and JAX the same random numbers, so that random layers can be compared.

Within `shared_in_torch()` the n-th draw of torch takes the n-th array of a fixed sequence instead
of its generator's numbers, within `shared_in_jax()` the n-th draw of `jax.random` takes the same
one, whatever its key. A port that draws the same distributions in the same order then masks, drops
and shuffles the same elements as the original. Draws that are not known here raise an error.

Python's and numpy's own generators are seeded the same on both sides.
"""

# mypy: allow-subclassing-any

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

Array = NDArray[Any]
Shape = tuple[int, ...]

# What jax.random has beside draws.
_KEYS = (
    "PRNGKey",
    "clone",
    "fold_in",
    "key",
    "key_data",
    "key_impl",
    "split",
    "wrap_key_data",
)


class _Draws:
    """The sequence of arrays. Each depends on its place in the sequence and its shape only."""

    def __init__(self) -> None:
        self.count = 0
        random.seed(0)
        np.random.seed(0)

    def _generator(self) -> np.random.Generator:
        self.count += 1
        return np.random.default_rng(self.count)

    def uniform(self, shape: Shape) -> Array:
        return self._generator().random(shape)

    def normal(self, shape: Shape) -> Array:
        return self._generator().standard_normal(shape)

    def integers(self, shape: Shape, low: int, high: int) -> Array:
        return self._generator().integers(low, high, shape)

    def order(self, size: int) -> Array:
        return self._generator().permutation(size)


class _TorchMode(TorchDispatchMode):
    """Overwrites the results of torch's random operations, by methods with the names of these."""

    def __init__(self) -> None:
        super().__init__()
        self.draws = _Draws()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return result
        redraw = getattr(self, f"do_{func.overloadpacket.__name__}", None)
        if redraw is None:
            raise NotImplementedError(f"{func} has no shared random numbers")
        return redraw(result, *args)

    def do_rand(self, result: torch.Tensor, *_: Any) -> torch.Tensor:
        return _filled(result, self.draws.uniform(result.shape))

    def do_randn(self, result: torch.Tensor, *_: Any) -> torch.Tensor:
        return _filled(result, self.draws.normal(result.shape))

    do_rand_like, do_randn_like = do_rand, do_randn

    def do_uniform_(
        self, result: torch.Tensor, _: Any, low: float = 0.0, high: float = 1.0
    ) -> torch.Tensor:
        return _filled(result, low + (high - low) * self.draws.uniform(result.shape))

    def do_normal_(
        self, result: torch.Tensor, _: Any, mean: float = 0.0, std: float = 1.0
    ) -> torch.Tensor:
        return _filled(result, mean + std * self.draws.normal(result.shape))

    def do_bernoulli_(self, result: torch.Tensor, _: Any, p: Any = 0.5) -> torch.Tensor:
        return _filled(result, self.draws.uniform(result.shape) < np.asarray(p))

    def do_bernoulli(self, result: torch.Tensor, own: Any, p: Any = None) -> torch.Tensor:
        return self.do_bernoulli_(result, own, own if p is None else p)

    def do_randint(self, result: torch.Tensor, *bounds: Any) -> torch.Tensor:
        low, high = bounds[:2] if isinstance(bounds[1], int) else (0, bounds[0])
        return _filled(result, self.draws.integers(result.shape, low, high))

    def do__scaled_dot_product_flash_attention_for_cpu(
        self, result: Any, query: Any, key: Any, value: Any, dropout: float = 0.0, *_: Any
    ) -> Any:
        if dropout:
            raise NotImplementedError("dropout in attention has no shared random numbers")
        return result

    def do_randperm(self, result: torch.Tensor, size: int) -> torch.Tensor:
        return _filled(result, self.draws.order(size))


def _filled(tensor: torch.Tensor, values: Array) -> torch.Tensor:
    return tensor.copy_(torch.from_numpy(np.asarray(values)))


@contextlib.contextmanager
def shared_in_torch() -> Iterator[None]:
    """Within, torch draws from the shared sequence, from its start."""
    with _TorchMode():
        yield


@contextlib.contextmanager
def shared_in_jax() -> Iterator[None]:
    """Within, `jax.random` draws from the shared sequence, from its start."""
    draws = _Draws()

    def uniform(
        key: Any,
        shape: Shape = (),
        dtype: Any = float,
        minval: Any = 0.0,
        maxval: Any = 1.0,
        **_: Any,
    ) -> jax.Array:
        return jnp.asarray(minval + (maxval - minval) * draws.uniform(shape), dtype)

    def normal(key: Any, shape: Shape = (), dtype: Any = float, **_: Any) -> jax.Array:
        return jnp.asarray(draws.normal(shape), dtype)

    def bernoulli(key: Any, p: Any = 0.5, shape: Shape | None = None, **_: Any) -> jax.Array:
        return jnp.asarray(draws.uniform(np.shape(p) if shape is None else shape) < np.asarray(p))

    def randint(
        key: Any, shape: Shape, minval: int, maxval: int, dtype: Any = int, **_: Any
    ) -> jax.Array:
        return jnp.asarray(draws.integers(shape, int(minval), int(maxval)), dtype)

    def permutation(
        key: Any, x: Any, axis: int = 0, independent: bool = False, **_: Any
    ) -> jax.Array:
        if independent:
            raise NotImplementedError("independent permutations have no shared random numbers")
        if np.ndim(x) == 0:
            return jnp.asarray(draws.order(int(x)))
        return jnp.take(x, jnp.asarray(draws.order(x.shape[axis])), axis)

    known: dict[str, Callable[..., jax.Array]] = {
        "uniform": uniform,
        "normal": normal,
        "bernoulli": bernoulli,
        "randint": randint,
        "permutation": permutation,
    }
    with contextlib.ExitStack() as stack:
        for name in dir(jax.random):
            if callable(getattr(jax.random, name)) and name not in _KEYS and name[0] != "_":
                replacement = known.get(name, _unknown(name))
                stack.enter_context(mock.patch.object(jax.random, name, replacement))
        yield


def _unknown(name: str) -> Callable[..., jax.Array]:
    def raises(*_: Any, **__: Any) -> jax.Array:
        raise NotImplementedError(f"jax.random.{name} has no shared random numbers")

    return raises
