"""What the tables of constructions are made of: a class, its arguments, the inputs of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Random = Literal["", "train", "always"]


@dataclass(frozen=True)
class Normal:
    """Float32 values from a normal distribution of the given spread."""

    shape: tuple[int, ...]
    spread: float = 1.0


@dataclass(frozen=True)
class Uniform:
    """Float32 values from [low, high)."""

    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Integers:
    """Int64 values from [low, high)."""

    shape: tuple[int, ...]
    high: int
    low: int = 0


@dataclass(frozen=True)
class Booleans:
    """Truth values, half of them True."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Values:
    """These very values, as an array of the given dtype."""

    values: Any
    dtype: str = "float32"


@dataclass(frozen=True)
class Construction:
    """A class of a file with small arguments and one call of an object of it.

    `name` may also be a function: with `arguments` one that makes the object, else the one to call.
    `method` is the method that is called, by default the object itself. A Construction among the
    arguments or inputs stands for the object that it builds. Array descriptions (`Normal`, …) may
    be anywhere in arguments, inputs and keywords, also inside lists, tuples and dicts.
    `random` says in which mode the call itself draws random numbers: in none, in training only
    (patch dropout), or in both (masked autoencoders).
    """

    module: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    random: Random = ""
    note: str = ""

    def builds(self, made: object) -> bool:
        """Whether `made`, which is what is called `name`, makes the object that is called."""
        return isinstance(made, type) or bool(self.arguments)

    def label(self) -> str:
        """The class and what distinguishes this construction from others of it."""
        method = f".{self.method}" if self.method else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.name}{method}{note}"


def realise(
    value: Any,
    generator: np.random.Generator,
    array: Callable[[NDArray[Any]], Any],
    build: Callable[[Construction], Any],
) -> Any:
    """`value` with its array descriptions made real by `array` and its constructions by `build`.

    Draws from `generator` in the order of writing, so equal seeds give equal arrays.
    """
    match value:
        case Normal(shape, spread):
            return array((spread * generator.standard_normal(shape)).astype(np.float32))
        case Uniform(shape, low, high):
            return array(generator.uniform(low, high, shape).astype(np.float32))
        case Integers(shape, high, low):
            return array(generator.integers(low, high, shape))
        case Booleans(shape):
            return array(generator.random(shape) < 0.5)
        case Values(values, dtype):
            return array(np.array(values, dtype))
        case Construction():
            return build(value)
        case list() | tuple():
            return type(value)(realise(item, generator, array, build) for item in value)
        case dict():
            return {key: realise(item, generator, array, build) for key, item in value.items()}
    return value
