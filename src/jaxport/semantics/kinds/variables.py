"""The attributes of classes that are parameters and buffers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Class


def variables(model: Model, info: Class) -> dict[str, str]:
    """The parameters and buffers of a class by attribute: `parameter` or `buffer`."""
    found: dict[str, str] = {}
    for name, bindings in info.attributes.items():
        for binding in bindings:
            sort = makes_variable(model, binding.node) if binding.kind == "value" else ""
            if sort:
                found[name] = sort
    for name, call in registrations(info):
        assert isinstance(call.func, ast.Attribute)
        found[name] = call.func.attr.split("_")[1]
    for node in ast.walk(info.node):
        match node:
            case ast.Call(
                func=ast.Name(id="setattr"),
                args=[ast.Name(id="self"), ast.Constant(value=str(name)), ast.Call(func=func)],
            ):
                made = model.qualified(func) or ""
                if made in ("flax.nnx.BatchStat", "flax.nnx.Param"):
                    found[name] = "buffer" if made.endswith("BatchStat") else "parameter"
    return found


def registrations(info: Class) -> Iterator[tuple[str, ast.Call]]:
    """The calls of `register_buffer` and `register_parameter` on `self`, by name."""
    for node in ast.walk(info.node):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="self"), attr=method),
                args=[ast.Constant(value=str(name)), *_],
            ) if method in ("register_buffer", "register_parameter"):
                yield name, node


def registered_values(info: Class, name: str) -> Iterator[ast.expr]:
    """What the class registers as its parameter or buffer `name`."""
    for other, call in registrations(info):
        if other == name:
            yield from call.args[1:2]
            yield from (item.value for item in call.keywords if item.arg in ("tensor", "param"))


def makes_variable(model: Model, node: ast.AST) -> str:
    """`parameter` or `buffer` where the expression makes one, else empty."""
    if isinstance(node, ast.IfExp):
        return makes_variable(model, node.body) or makes_variable(model, node.orelse)
    if not isinstance(node, ast.Call):
        return ""
    name = model.qualified(node.func) or ""
    if name in ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "flax.nnx.Param"):
        return "parameter"
    return "buffer" if name in ("torch.nn.Buffer", "flax.nnx.BatchStat") else ""
