"""Whole numbers that 64 bits hold, and 32 do not: JAX has 32 where it is not told otherwise."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules._conversion import Conversion
from jaxport.semantics.kinds.literals import integer

_MESSAGE = "whole numbers of JAX have 32 bits by default, those of torch 64"
_WIDE = 2**31
_FACTOR = 2**16  # what an index or a hash may not be multiplied with in 32 bits
_SHIFT = 16
_FLOATS = frozenset({
    "float", "half", "double", "bfloat16", "rand", "randn", "linspace", "sqrt", "exp", "log",
    "softmax", "sigmoid", "tanh", "mean", "norm", "sin", "cos", "rsqrt", "var", "std",
})  # fmt: skip


def operation(port: Conversion, node: ast.BinOp | ast.AugAssign) -> Iterator[Finding]:
    """`index * 73856093`: a product that may be too large."""
    left, right = (node.left, node.right) if isinstance(node, ast.BinOp) else (
        node.target, node.value)
    for tensor, number in ((left, right), (right, left)):
        if not port.kinds.may_be_tensor(tensor) or _is_float(tensor):
            continue
        limit = _WIDE
        if isinstance(node.op, ast.Mult):
            limit = _FACTOR
        elif isinstance(node.op, ast.LShift) and tensor is left:
            limit = _SHIFT
        if _largest(port, number) >= limit:
            yield port.blocked("JXP901", node, _MESSAGE, f"`{ast.unparse(number)}` may be too much")
            return


def call(port: Conversion, node: ast.Call) -> Iterator[Finding]:
    """`torch.tensor([1, 2654435761])`: a number that has no place."""
    if not port.kinds.may_be_tensor(node):
        return
    for argument in [*node.args, *(item.value for item in node.keywords)]:
        if _largest(port, argument) >= _WIDE:
            yield port.blocked("JXP901", argument, _MESSAGE, "a number is too large for that")


def _is_float(node: ast.expr) -> bool:
    """Whether the tensor has no whole numbers, by how it is written."""
    match node:
        case ast.BinOp(op=ast.Div()):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_float(left) or _is_float(right)
        case ast.Constant(value=float()):
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _FLOATS
    return False


def _largest(port: Conversion, node: ast.AST, depth: int = 4) -> int:
    """The largest of the whole numbers that the expression is known to be made of."""
    number = integer(node)
    if number is not None:
        return abs(number)
    items: list[ast.AST] = []
    match node:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            items = [*elements]
        case ast.BinOp(left=left, op=ast.Pow() | ast.LShift() as op, right=right):
            base, power = integer(left), integer(right)
            if base is not None and power is not None and 0 <= power < 64:
                return int(abs(base**power)) if isinstance(op, ast.Pow) else abs(base << power)
        case ast.BinOp(left=left, right=right) if not port.kinds.may_be_tensor(node):
            items = [left, right]
        case ast.Subscript(value=value) if not port.kinds.may_be_tensor(value):
            items = [value]
        case ast.Name():
            items = [item.node for item in port.model.lookup(node, node.id)
                     if item.kind in ("value", "element")]
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            info = port.module_class(node)
            items = [item.node for item in (
                [*info.attributes.get(name, []), *info.scope.bindings.get(name, [])] if info else []
            ) if item.kind == "value"]
    return max((_largest(port, item, depth - 1) for item in items), default=0) if depth else 0
