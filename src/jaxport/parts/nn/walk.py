"""Walks over a module's parts in torch's order, and layers that share a parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
from flax import nnx

from jaxport.parts.nn.linear import Linear


def named_children(module: nnx.Module) -> Iterator[tuple[str, nnx.Module]]:
    """The modules that are attributes or items of `module`, each once, as they were assigned."""
    seen: list[nnx.Module] = []
    for name, value in vars(module).items():
        inner = isinstance(value, nnx.Module) and not isinstance(value, nnx.Rngs | nnx.RngStream)
        if inner and all(value is not other for other in seen):
            seen.append(value)
            yield name, value


def children(module: nnx.Module) -> Iterator[nnx.Module]:
    """The modules that are attributes or items of `module`."""
    for _, child in named_children(module):
        yield child


def named_modules(
    module: nnx.Module, memo: set[int] | None = None, prefix: str = ""
) -> Iterator[tuple[str, nnx.Module]]:
    """`module` and all modules in it, outer ones first and each once, with their dotted names."""
    memo = set() if memo is None else memo
    if id(module) not in memo:
        memo.add(id(module))
        yield prefix, module
        for name, child in named_children(module):
            yield from named_modules(child, memo, f"{prefix}.{name}" if prefix else name)


def modules(module: nnx.Module) -> Iterator[nnx.Module]:
    """`module` and all modules in it, outer ones first and each once."""
    for _, inner in named_modules(module):
        yield inner


def apply(module: nnx.Module, function: Callable[[nnx.Module], object]) -> nnx.Module:
    """Call `function` with every module in `module` and then with itself, as `apply` of torch."""
    for child in children(module):
        apply(child, function)
    function(module)
    return module


class TiedLinear(Linear):
    """A linear layer whose weight is the embedding of another layer, (out, in)."""

    def __init__(self, embedding: nnx.Param[jax.Array], bias: nnx.Param[jax.Array] | None) -> None:
        self.embedding = embedding
        self.bias = bias

    def __call__(self, inputs: jax.Array) -> jax.Array:
        outputs = inputs @ self.embedding[...].T
        return outputs if self.bias is None else outputs + self.bias[...]

    @property
    def weight(self) -> jax.Array:
        return self.embedding[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.embedding[...] = value
