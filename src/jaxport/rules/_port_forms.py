"""Calls that one expression of JAX replaces: the rows of `tables/forms`."""

from __future__ import annotations

import ast

from jaxport.findings import Finding
from jaxport.plans import FormCall
from jaxport.rules._conversion import Conversion
from jaxport.semantics.kinds.overloads import bound, chosen
from jaxport.tables.forms import Row, called_parts, needed_modules, rows
from jaxport.tables.parts import parts


def form(port: Conversion, call: ast.Call, name: str) -> Finding:
    """The call as the first row of `name` that fits writes it."""
    overloads = rows()[name]
    method = name.startswith("Tensor.")
    code = "JXP902" if method else "JXP901"
    if any("{key}" in row.jax for row in overloads):
        code = "JXP601"
    name = name.removeprefix("Tensor.")
    message = f"`{name}` is torch's"
    row = chosen(port.kinds, overloads, call, method)
    if row is None:
        return port.blocked(code, call, message, _why_no_row(call, overloads, method))
    reason = _why_not(port, row, call, method)
    if reason:
        return port.blocked(code, call, message, reason)
    if "{key}" in row.jax and not port.random.keys.get(call):
        return port.blocked(code, call, f"`{name}` draws random numbers",
                            "where they come from can't be seen")
    return written(port, code, call, row, method, f"`{name}` is written differently in JAX")


def written(
    port: Conversion, code: str, call: ast.Call, row: Row, method: bool, message: str,
    prefix: str = "",
) -> Finding:
    """The call as the row writes it, behind `prefix`."""
    used = tuple((name, port.part_name(name)) for name in called_parts(row.jax))
    plan = FormCall(row.jax, row.parameters, method, port.random.keys.get(call, ""), used, prefix,
                    _is_operand(port, call))
    return port.planned(code, call, message, "convert_form", plan, needed_modules(row.jax))


def _is_operand(port: Conversion, call: ast.Call) -> bool:
    """Whether something binds to the call more tightly than to an operation in its place."""
    parent = port.model.walk.parents.get(call)
    match parent:
        case ast.Subscript(value=value):
            return value is call
        case ast.Attribute() | ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Starred():
            return True
        case ast.Call(func=func):
            return func is call
    return False


def _why_no_row(call: ast.Call, overloads: tuple[Row, ...], method: bool) -> str:
    if all(bound(row, call, method) is None for row in overloads):
        return "these arguments have no counterpart"
    return "which of its forms this is can't be told from what the arguments are"


def _why_not(port: Conversion, row: Row, call: ast.Call, method: bool) -> str:
    """Why the row can't be written although the arguments fit it."""
    given = bound(row, call, method) or {}
    for parameter in row.parameters:
        if any(f"{{{star}{parameter.name}{mark}}}" in row.jax
               for star in ("", "*") for mark in ("", "?")):
            continue
        for argument in given.get(parameter.name, ()):
            if not port.is_pure(argument):
                return f"`{ast.unparse(argument)}` would no longer be evaluated"
    missing = [name for name in called_parts(row.jax) if name not in parts()]
    return f"no part `{missing[0]}`" if missing else ""
