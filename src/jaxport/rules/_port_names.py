"""Torch names that are not called: types, constants, functions that are handed on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules._conversion import CONTAINERS, Conversion
from jaxport.rules._port_dtypes import compared_text
from jaxport.tables import torch_names
from jaxport.tables.constants import CONSTANTS
from jaxport.tables.forms import Row, needed_modules, rows
from jaxport.tables.parts import layers

_TYPES = {"torch.nn.Module": "Module", "torch.nn.Parameter": "Param",
          "torch.nn.parameter.Parameter": "Param", "torch.nn.Buffer": "BatchStat"}  # fmt: skip


def convert(port: Conversion) -> list[Finding]:
    found: list[Finding] = []
    nodes: list[ast.Name | ast.Attribute] = [*port.model.walk.names, *port.model.walk.attributes]
    for node in nodes:
        if node in port.covered or not isinstance(node.ctx, ast.Load):
            continue
        parent = port.model.walk.parents.get(node)
        if isinstance(parent, ast.Attribute):
            full = port.model.qualified(parent)
            if full and torch_names.is_torch(full) and full not in CONSTANTS and not _ends(
                port, node
            ):
                continue
        name = port.model.qualified(node) or ""
        if name and (torch_names.is_torch(name) or name.startswith("einops.layers.torch")) and (
            port.is_imported(node)
        ):
            found += _reference(port, node, name)
    return found


def _ends(port: Conversion, node: ast.expr) -> bool:
    """Whether the name is complete, and what follows is an attribute of its value."""
    name = port.model.qualified(node) or ""
    return name in CONSTANTS or name in layers() or name in _TYPES


def _reference(port: Conversion, node: ast.expr, name: str) -> Iterator[Finding]:
    called = port.is_called(node)
    if name in _TYPES and not called:
        port.cover(node)
        spelled = port.spelled("flax.nnx", node)
        yield port.text("JXP401", node, f"`{name}` is `flax.nnx.{_TYPES[name]}`",
                        [port.replaced(node, f"{spelled}.{_TYPES[name]}")], ("flax.nnx",))
    elif name in CONTAINERS and not called:
        port.cover(node)
        spelled = port.spelled("flax.nnx", node)
        yield port.text("JXP403", node, f"`{name}` is `flax.nnx.{CONTAINERS[name]}`",
                        [port.replaced(node, f"{spelled}.{CONTAINERS[name]}")], ("flax.nnx",))
    elif name in CONSTANTS and not called:
        port.cover(node)
        yield _constant(port, node, name)
    elif name in layers() and not called:
        port.cover(node)
        part = layers()[name]
        yield port.text("JXP403", node, f"`{name}` is made of Flax layers",
                        [port.replaced(node, port.part_name(part.name))], used=(part.name,))
    elif name in rows() and not called:
        port.cover(node)
        yield _function(port, node, name)


def _constant(port: Conversion, node: ast.expr, name: str) -> Finding:
    text = compared_text(port, node, name, CONSTANTS[name])
    needs = needed_modules(text)
    for module in needs:
        root = {"jax.numpy": "jnp", "flax.nnx": "nnx", "numpy": "np"}.get(module, module)
        text = text.replace(f"{root}.", f"{port.spelled(module, node)}.")
    return port.text("JXP903", node, f"`{name}` is `{CONSTANTS[name]}`",
                     [port.replaced(node, text)], needs)


def _function(port: Conversion, node: ast.expr, name: str) -> Finding:
    """A function that is handed on: a function of JAX, or a lambda that calls it."""
    message = f"`{name}` is written differently in JAX"
    parent = port.model.walk.parents.get(node)
    handed_on = isinstance(parent, ast.Call) and port.model.qualified(parent.func) == (
        "functools.partial"
    )
    row = next((row for row in rows()[name] if _takes_one(row)), None)
    if row is None or handed_on:
        return port.blocked("JXP901", node, message, "it is handed on, and its calls differ")
    text = _plain(row, row.parameters[0].name)
    needs = needed_modules(row.jax)
    for module in needs:
        root = {"jax.numpy": "jnp", "flax.nnx": "nnx", "numpy": "np"}.get(module, module)
        text = text.replace(f"{root}.", f"{port.spelled(module, node)}.")
    return port.text("JXP901", node, message, [port.replaced(node, text)], needs)


def _takes_one(row: Row) -> bool:
    """Whether the row serves calls with one tensor."""
    first, *others = row.parameters
    return (
        first.default is None and not first.variadic and "{key}" not in row.jax
        and "@" not in row.jax and all(item.default is not None for item in others)
    )


def _plain(row: Row, parameter: str) -> str:
    """The function that the row's expression is with one argument."""
    import re

    text = row.jax
    for item in row.parameters:
        if item.name != parameter:
            text = re.sub(rf",\s*(\w+=)?\{{{item.name}\?\}}", "", text)
            text = text.replace(f"{{{item.name}}}", str(item.default))
    called = text.split("(", 1)
    if len(called) == 2 and called[1] == f"{{{parameter}}})":
        return called[0]
    return f"(lambda x: {text.replace(f'{{{parameter}}}', 'x')})"
