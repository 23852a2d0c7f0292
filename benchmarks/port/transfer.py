"""Carry the weights of a torch module over to its port, strictly.

Both modules are walked together. A child of the torch module has its counterpart under the same
name in the port (an index in an `nnx.List` or `nnx.Sequential`, a key in an `nnx.Dict`). A
parameter or buffer of a class of the file itself has its counterpart under its own name, with its
own layout. For torch's own layers the tables `jaxport.tables.weights` say where a value is and what
becomes of it: `{"Linear": {"weight": ("kernel", "w.T")}}`.

    transfer(torch_module, nnx_module)

raises TransferError, with a line for each, if anything of torch's state has no place in the port,
or a Param or BatchStat of the port has no counterpart in torch, or shapes or kinds of numbers
differ. Buffers that torch does not save (`persistent=False`) are constants that the port computes
itself, so they are in `entries` but never set.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx
from numpy.typing import NDArray

import jaxport.tables.weights as weight_tables

Array = NDArray[Any]
# torch state name -> (attribute path in the port, expression over `w`); ("", "") for "nowhere"
Table = dict[str, tuple[str, str]]
# torch state name -> (value, whether torch saves it)
State = dict[str, tuple[torch.Tensor, bool]]


class TransferError(Exception):
    """The two modules do not hold the same state."""


@cache
def tables() -> dict[str, Table]:
    """All tables of `jaxport.tables.weights`, by the name of the layer's class."""
    merged: dict[str, Table] = {}
    for module in pkgutil.iter_modules(weight_tables.__path__):
        name = f"{weight_tables.__name__}.{module.name}"
        merged.update(importlib.import_module(name).WEIGHTS)
    return merged


@dataclass(frozen=True)
class Entry:
    """A parameter or buffer of a torch module and the attribute of the port that holds its value.

    `name` is the dotted name in torch, `path` the one in the port; `holder` has the attribute
    `attribute`, which is a Variable or a bare array.
    """

    name: str
    tensor: torch.Tensor
    path: str
    holder: Any
    attribute: str
    expression: str
    saved: bool

    @property
    def variable(self) -> Any:
        """What the port has there: a Variable or an array."""
        return _item(self.holder, self.attribute)

    def value(self) -> Array:
        """The port's value."""
        variable = self.variable
        return np.asarray(variable.get_value() if _is_variable(variable) else variable)

    def wanted(self, tensor: torch.Tensor | None = None) -> Array:
        """What `tensor` (by default torch's value) is in the port's layout."""
        w = (self.tensor if tensor is None else tensor).detach().numpy()
        return np.asarray(eval(self.expression, {"np": np, "jnp": jnp}, {"w": w}))

    def set(self) -> None:
        """Give the port torch's value."""
        value = jnp.asarray(self.wanted())
        if _is_variable(self.variable):
            self.variable.set_value(value)
        elif self.attribute.isdigit():
            self.holder[int(self.attribute)] = value
        else:
            setattr(self.holder, self.attribute, value)

    def problem(self) -> str:
        """Why the value cannot be carried over, or nothing."""
        wanted, value = self.wanted(), self.value()
        if wanted.shape != value.shape:
            return f"{self.name} is {wanted.shape} for {self.path}, which is {value.shape}"
        if wanted.dtype.kind != value.dtype.kind:
            return f"{self.name} is {wanted.dtype} for {self.path}, which is {value.dtype}"
        return ""


def entries(torch_module: torch.nn.Module, nnx_module: nnx.Module) -> list[Entry]:
    """All parameters and buffers with their counterparts; raises TransferError if some have none.

    Unsaved buffers without counterpart are left out: they are no state.
    """
    problems: list[str] = []
    state = state_of(torch_module)
    found = list(_walk(torch_module, nnx_module, state, "", "", problems))
    problems += filter(None, (entry.problem() for entry in found))
    known = {id(entry.variable) for entry in found}
    for path, node in nnx.iter_graph(nnx_module):
        if (
            isinstance(node, nnx.Param | nnx.BatchStat)
            and id(node) not in known
            and node.get_value() is not None
        ):
            dotted = ".".join(map(str, path))
            problems.append(f"{type(node).__name__} {dotted} is not in torch's module")
    if problems:
        raise TransferError("\n".join(problems))
    return found


def transfer(torch_module: torch.nn.Module, nnx_module: nnx.Module) -> None:
    """Set all parameters and saved buffers of `nnx_module` to those of `torch_module`."""
    for entry in entries(torch_module, nnx_module):
        if entry.saved:
            entry.set()


def state_of(module: torch.nn.Module) -> State:
    """All parameters and buffers below `module` by dotted name, and whether torch saves them.

    What is shared is there under each of its names, as in a state_dict.
    """
    state: State = {}
    for prefix, owner in module.named_modules(remove_duplicate=False):
        dot = f"{prefix}." if prefix else ""
        for name, parameter in owner.named_parameters(recurse=False, remove_duplicate=False):
            state[dot + name] = (parameter, True)
        for name, buffer in owner.named_buffers(recurse=False, remove_duplicate=False):
            state[dot + name] = (buffer, name not in owner._non_persistent_buffers_set)
    return state


def _walk(
    torch_module: torch.nn.Module,
    port: Any,
    state: State,
    name: str,
    path: str,
    problems: list[str],
) -> Iterator[Entry]:
    """The entries of `state`, which is below two corresponding modules called `name` and `path`.

    What has no counterpart goes to `problems`.
    """
    for own, (attribute, expression) in _table(torch_module).items():
        if own not in state:  # bias=False and the like
            continue
        tensor, saved = state.pop(own)
        if attribute:
            yield from _entry(
                tensor, port, name + own, path, attribute, expression, saved, problems
            )
    for own, (tensor, saved) in state.items():
        child, _, rest = own.partition(".")
        if not rest:
            yield from _entry(tensor, port, name + own, path, own, "w", saved, problems)
    for child, module in torch_module._modules.items():
        below = {
            own.removeprefix(f"{child}."): value
            for own, value in state.items()
            if own.startswith(f"{child}.")
        }
        if module is None or not below:  # no state, or all of it in the table of `torch_module`
            continue
        try:
            counterpart = _item(port, _place(torch_module, child))
        except LookupError as error:
            problems += [f"{name}{child}.{own}: {error}" for own in below if below[own][1]]
            continue
        inside = f"{name}{child}.", f"{path}{child}."
        yield from _walk(module, counterpart, below, *inside, problems)


def _entry(
    tensor: torch.Tensor,
    port: Any,
    name: str,
    path: str,
    attribute: str,
    expression: str,
    saved: bool,
    problems: list[str],
) -> Iterator[Entry]:
    """The entry for one tensor, unless the port has no value there."""
    *outer, last = attribute.split(".")
    try:
        for part in outer:
            port = _item(port, part)
        variable = _item(port, last)
        held = variable.get_value() if _is_variable(variable) else variable
        if not isinstance(held, jax.Array | np.ndarray):
            raise LookupError(f"{last} is {variable!r:.60} in {type(port).__name__}")
    except LookupError as error:
        if saved:
            problems.append(f"{name}: {error}")
        return
    yield Entry(name, tensor, path + attribute, port, last, expression, saved)


def _table(torch_module: torch.nn.Module) -> Table:
    """Where the port keeps the state of a layer of torch's, or of a class that inherits from one.

    A class of the file itself may have the name of a layer (`LayerNorm`), but no table.
    """
    known = tables()
    for kind in type(torch_module).__mro__:
        if kind.__module__.startswith(("torch.nn.modules.", "einops.")) and kind.__name__ in known:
            return known[kind.__name__]
    return {}


def _place(torch_module: torch.nn.Module, child: str) -> str:
    """The name of a child, in a list its place: a slice of a torch list keeps the old numbers."""
    if child.isdigit() and isinstance(torch_module, torch.nn.Sequential | torch.nn.ModuleList):
        return str(list(torch_module._modules).index(child))
    return child


def _item(port: Any, name: str) -> Any:
    """The attribute, item or key `name` of a module of the port; raises LookupError if none."""
    if isinstance(port, nnx.Sequential) or (
        name.isdigit() and not hasattr(port, "__getitem__") and hasattr(port, "layers")
    ):
        port = port.layers
    if name.isdigit() and hasattr(port, "__getitem__"):
        try:
            return port[int(name)]
        except LookupError:
            raise LookupError(f"{type(port).__name__} has no item {name}") from None
    if isinstance(port, dict) and name in port:
        return port[name]
    try:
        return getattr(port, name)
    except AttributeError:
        raise LookupError(f"{type(port).__name__} has no {name}") from None


def _is_variable(value: Any) -> bool:
    return isinstance(value, nnx.Variable)
