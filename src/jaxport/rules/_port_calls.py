"""How each call of a torch function, layer or method is written in JAX."""

from __future__ import annotations

import ast

from jaxport.findings import Finding
from jaxport.rules._conversion import CONTAINERS, Conversion
from jaxport.rules._port_forms import form
from jaxport.rules._port_functions import FUNCTIONS
from jaxport.rules._port_layers import (
    PARAMETERS,
    container,
    layer,
    parameter,
    passes_rngs,
    why_not,
)
from jaxport.rules._port_methods import method
from jaxport.semantics.values import External, ordered
from jaxport.tables import torch_names
from jaxport.tables.forms import rows
from jaxport.tables.parts import layers


def convert(port: Conversion) -> list[Finding]:
    found = [_call(port, call) for call in port.model.walk.calls]
    return [finding for finding in found if finding is not None]


def _call(port: Conversion, call: ast.Call) -> Finding | None:
    name = port.model.qualified(call.func) or ""
    if torch_names.is_torch(name) and not port.is_imported(call.func):
        return _variable(port, call)
    if name in FUNCTIONS:
        return FUNCTIONS[name](port, call, name)
    if name in CONTAINERS:
        return container(port, call, name)
    if name in PARAMETERS:
        return parameter(port, call, name)
    if name in layers():
        return layer(port, call, name)
    if name.startswith("torch.nn.init.") and name.endswith("_"):
        return _initialiser(port, call, name)
    if name in rows():
        port.cover(call.func)
        return form(port, call, name)
    if torch_names.is_torch(name) and isinstance(call.func, ast.Attribute):
        return None  # a torch name without a port: JXP004 says so
    if isinstance(call.func, ast.Attribute):
        return method(port, call, call.func)
    return passes_rngs(port, call) if port.layer_call(call) else None


def _variable(port: Conversion, call: ast.Call) -> Finding | None:
    """A call of a variable: `act(x)`, where `act` is one torch function or class or another."""
    for value in ordered(port.model.infer(call.func)):
        reason = _why_not(port, call, value.name) if isinstance(value, External) else ""
        if reason:
            message = f"`{ast.unparse(call.func)}` is torch's, or what a caller gives"
            return port.blocked("JXP901", call, message, reason)
    return passes_rngs(port, call) if port.layer_call(call) else None


def _why_not(port: Conversion, call: ast.Call, name: str) -> str:
    """Why the call would not be right if the variable was what torch calls `name`."""
    if name in layers():
        return why_not(port, call, layers()[name])
    if name in rows():
        one = len(call.args) == 1 and not call.keywords and not isinstance(
            call.args[0], ast.Starred)
        return "" if one else "its arguments mean something else in JAX"
    return "" if name in CONTAINERS else f"`{name}` has no port"


def _initialiser(port: Conversion, call: ast.Call, name: str) -> Finding | None:
    """`nn.init.zeros_(w)`: as a statement, it is rewritten as one."""
    if port.file.is_statement(call):
        return None
    port.cover(call.func)
    return port.blocked("JXP602", call, f"`{name}` fills a tensor in place",
                        "it is not a statement of its own")
