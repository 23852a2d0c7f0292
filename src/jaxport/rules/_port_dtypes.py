"""Dtypes that are compared: those of arrays are objects of NumPy, those of the port are classes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jaxport.findings import Edit, Finding, Position, Span
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_devices import is_dtype
from jaxport.tables.constants import COMPARED_DTYPES, CONSTANTS

_MESSAGE = "dtypes of JAX are equal, and not the same object"
_DISPLAYS = (ast.Tuple, ast.List, ast.Set)


def is_constant(port: Conversion, node: ast.expr) -> bool:
    """Whether the node is the name of a dtype of torch."""
    name = port.model.qualified(node) or ""
    return name in CONSTANTS and port.kinds.names(node) == {"dtype"} and port.is_imported(node)


def compared(port: Conversion, node: ast.Compare) -> Iterator[Finding]:
    """`x.dtype is torch.float32`, `x.dtype in (torch.half, torch.float)`, `x.dtype == dtype`."""
    left = node.left
    for operation, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(operation, (ast.In, ast.NotIn)):
            if _is_dtype(port, left):
                yield from _among(port, node, right)
                yield from _value(port, left)
        elif _is_dtype(port, left) and _is_dtype(port, right):
            if isinstance(operation, (ast.Is, ast.IsNot)):
                yield _equal(port, node, left, right)
            yield from _value(port, left)
            yield from _value(port, right)
        elif _unknown(port, left, right) or _unknown(port, right, left):
            yield port.blocked("JXP903", node, _MESSAGE, "whether both are dtypes can't be told")
        left = right


def keys(port: Conversion, node: ast.Dict | ast.Set) -> Iterator[Finding]:
    """A dtype as a key: that of an array has another hash."""
    if isinstance(port.model.walk.parents.get(node), ast.Compare):
        return
    for key in node.keys if isinstance(node, ast.Dict) else node.elts:
        if key is not None and is_constant(port, key):
            yield port.blocked("JXP903", key, "a dtype is a key", "the dtype of an array is no "
                               "such key in JAX")


def compared_text(port: Conversion, node: ast.expr, name: str, text: str) -> str:
    """How the dtype is written where it is compared with the dtype of an array."""
    parent = port.model.walk.parents.get(node)
    outer = port.model.walk.parents.get(parent) if isinstance(parent, _DISPLAYS) else parent
    if not isinstance(outer, ast.Compare):
        return text
    text = COMPARED_DTYPES.get(name, text)
    return f"jnp.dtype({text})" if isinstance(parent, ast.Set) and "(" not in text else text


def _is_dtype(port: Conversion, node: ast.expr) -> bool:
    return is_dtype(port, node) and port.speaks_torch


def _unknown(port: Conversion, node: ast.expr, other: ast.expr) -> bool:
    """Whether one is the dtype of a tensor, and nothing is known of the other."""
    return (
        isinstance(node, ast.Attribute) and node.attr == "dtype"
        and port.kinds.is_tensor(node.value) and not port.kinds.of(other)
    )


def _among(port: Conversion, node: ast.Compare, right: ast.expr) -> Iterator[Finding]:
    if not isinstance(right, _DISPLAYS):
        yield port.blocked("JXP903", node, _MESSAGE, "how the dtypes are written can't be seen")
        return
    for item in right.elts:
        yield from _value(port, item)


def _equal(port: Conversion, node: ast.Compare, left: ast.expr, right: ast.expr) -> Finding:
    """`is` becomes `==`."""
    start, end = port.span(left).end, port.span(right).start
    line = port.model.source.lines[start.row - 1]
    found = re.search(r"\bis(\s+not)?\b", line[start.column : end.column])
    if start.row != end.row or found is None:
        return port.blocked("JXP903", node, _MESSAGE, "its operands are on different lines")
    span = Span(Position(start.row, start.column + found.start()),
                Position(start.row, start.column + found.end()))
    return port.text("JXP903", node, _MESSAGE, [Edit(span, "!=" if found.group(1) else "==")])


def _value(port: Conversion, node: ast.expr) -> Iterator[Finding]:
    """A variable that holds a dtype, as the dtype that an array would have."""
    if is_constant(port, node) or (isinstance(node, ast.Attribute) and (
        port.kinds.may_be_tensor(node.value) or not port.kinds.of(node)
    )) or isinstance(node, ast.Constant):
        return
    if "none" in port.kinds.names(node):
        yield port.blocked("JXP903", node, _MESSAGE, f"`{ast.unparse(node)}` may be None")
        return
    spelled = port.spelled("jax.numpy", node)
    yield port.text("JXP903", node, _MESSAGE,
                    [port.before(node, f"{spelled}.result_type("), port.after(node, ")")],
                    ("jax.numpy",))
