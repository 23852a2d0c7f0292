"""Whose method is called: a module's, a tensor's, or nobody can tell whose."""

from __future__ import annotations

import ast

from jaxport.findings import Finding
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_devices import only_moves
from jaxport.rules._port_forms import form
from jaxport.rules._port_layers import passes_rngs
from jaxport.rules._port_module_methods import (
    MODULE_METHODS,
    ONLY_OF_MODULES,
    forward,
    of_likely_module,
)
from jaxport.rules._port_tensor_methods import TENSOR_METHODS
from jaxport.semantics.values import External, Instance, Literal
from jaxport.tables import torch_names
from jaxport.tables.constants import PORTABLE_METHODS
from jaxport.tables.forms import rows

# Nothing but a tensor has them, among values of which something is known.
_ONLY_OF_TENSORS = torch_names.TORCH_ONLY | {
    "to", "cuda", "cpu", "clone", "detach", "contiguous",
}  # fmt: skip
# Methods of text, lists and dictionaries: on something unknown they are taken for those.
_COMMON = frozenset({
    "split", "index", "count", "format", "get", "pop", "items", "keys", "values", "copy", "add",
    "update", "sort", "remove", "clear", "item", "apply", "put", "read", "write", "log", "step",
    "find", "join", "lower", "upper", "replace", "round", "set", "select", "name", "map",
})  # fmt: skip


def method(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding | None:
    """The call of a method, whosever it is."""
    if port.layer_call(call):
        if func.attr == "forward" and port.is_module(func.value):
            return port.blocked("JXP402", call, "`forward` is `__call__` in NNX", "it makes layers")
        return passes_rngs(port, call)
    if func.attr == "forward":
        return forward(port, call, func)
    if func.attr in MODULE_METHODS and port.is_module(func.value):
        return MODULE_METHODS[func.attr](port, call, func)
    return _of_value(port, call, func) if port.speaks_torch else None


def _of_value(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding | None:
    """The method of what is not known to be a module."""
    names = port.kinds.names(func.value) - {"none"}
    if not names and func.attr in ONLY_OF_MODULES and all(
        isinstance(value, Literal) for value in port.model.infer(func.value)
    ):
        return of_likely_module(port, call, func)
    if func.attr.endswith("_") and not func.attr.endswith("__") and (
        func.attr not in TENSOR_METHODS
    ):
        return None  # in place: the statement is rewritten as a whole
    if not names:
        return _of_unknown(port, call, func)
    if "tensor" not in names:
        return _of_something_else(port, call, func, names)
    if names == {"tensor"} or _is_only_of_tensors(func.attr, names):
        return _of_tensor(port, call, func)
    if _changes(call, func.attr):
        return port.blocked("JXP005", call, f"`{func.attr}` is a method of tensors",
                            "the value can be something else too")
    return None


def _of_tensor(
    port: Conversion, call: ast.Call, func: ast.Attribute, certain: bool = True
) -> Finding | None:
    name = f"Tensor.{func.attr}"
    if func.attr in TENSOR_METHODS:
        return TENSOR_METHODS[func.attr](port, call, func)
    if name in rows():
        port.covered.add(func)
        return form(port, call, name)
    if not certain or func.attr.startswith("__") or _is_portable(call, func.attr):
        return None
    return port.blocked("JXP005", call, f"`{func.attr}` is a method of tensors",
                        "it has no port yet")


def _of_something_else(
    port: Conversion, call: ast.Call, func: ast.Attribute, names: set[str]
) -> Finding | None:
    """The method of a value that is known, and no tensor."""
    if func.attr not in _ONLY_OF_TENSORS:
        return None
    message = f"`{func.attr}` is a method of tensors"
    if names & {"numpy", "sequence", "int", "float", "bool"}:
        return port.blocked("JXP005", call, message, "and the value seems to be none")
    if not port.model.infer(func) and not port.kinds.of(func):
        return port.blocked("JXP005", call, message, "and nothing of this name is defined here")
    return None


def _of_unknown(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding | None:
    """The method of a value of which nothing is known: its name, and the call, have to tell."""
    message = f"`{func.attr}` is a method that tensors have"
    doubt = "whether the value is one can't be told"
    if _is_foreign(port, func.value):
        return None
    if not _tells(call, func.attr):
        if _changes(call, func.attr) and not _is_common(call, func.attr):
            return port.blocked("JXP005", call, message, doubt)
        return None
    if _is_common(call, func.attr) or not port.model.uses_torch:
        return None
    if func.attr == "clone" or (
        func.attr in ("to", "cuda", "cpu") and not only_moves(port, call)
    ):
        return port.blocked("JXP005", call, message, doubt)
    return _of_tensor(port, call, func, certain=False)


def _is_foreign(port: Conversion, node: ast.expr) -> bool:
    """Whether the value is of this file or of a package that knows nothing of torch."""
    values = port.model.infer(node)
    return any(isinstance(value, (External, Instance)) for value in values) and not any(
        isinstance(value, Instance) and isinstance(value.of, External)
        and torch_names.is_torch(value.of.name) for value in values
    )


def _is_common(call: ast.Call, name: str) -> bool:
    """Whether text, a list, a dictionary or a logger can be called like that."""
    number = call.args and isinstance(call.args[0], ast.Constant) and (
        not isinstance(call.args[0].value, str)
    )
    if name in ("split", "sort") and (number or (name == "sort" and call.args)):
        return False
    return name in _COMMON and not (name == "log" and not call.args)


def _tells(call: ast.Call, name: str) -> bool:
    """Whether the call looks like one of a tensor's method, and of nothing else."""
    return name in torch_names.TORCH_ONLY or name in TENSOR_METHODS or any(
        keyword.arg == "dim" for keyword in call.keywords
    )


def _is_only_of_tensors(name: str, names: set[str]) -> bool:
    """Whether only an array can have the method, of the kinds that the value can be of."""
    if name in _ONLY_OF_TENSORS:
        return True
    return "numpy" not in names and not any(
        hasattr(kind, name) for kind in (list, tuple, dict, str, int, float)
    )


def _changes(call: ast.Call, name: str) -> bool:
    """Whether the call has to be written differently if it is of a tensor's method."""
    return f"Tensor.{name}" in rows() and not _is_portable(call, name)


def _is_portable(call: ast.Call, name: str) -> bool:
    """Whether the call means the same on a JAX array, which has a place for its arguments."""
    signature = PORTABLE_METHODS.get(name)
    if signature is None or call.keywords:
        return False
    parameters = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(parameters, ast.FunctionDef)
    return len(call.args) <= len(parameters.args.args) or parameters.args.vararg is not None
