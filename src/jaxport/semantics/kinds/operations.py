"""What operators give."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.kind import INT, NUMBERS, TENSOR, UNKNOWN, Kinds, only
from jaxport.semantics.kinds.literals import constant


def of_operation(kinds: FileKinds, left: ast.expr, right: ast.expr, op: ast.operator) -> Kinds:
    """What `left op right` gives."""
    one, other = kinds.names(left), kinds.names(right)
    if "tensor" in one | other:
        return TENSOR
    if "numpy" in one | other:
        return only("numpy")
    if isinstance(op, ast.Mod) and one == {"str"}:
        return only("str")
    if "sequence" in one:
        return kinds.of(left) | (kinds.of(right) if isinstance(op, ast.Add) else UNKNOWN)
    if "sequence" in other:
        return kinds.of(right)
    if one and other and one | other <= NUMBERS:
        return _number(one | other, right, op)
    if one == other == {"str"}:
        return only("str")
    return UNKNOWN


def _number(operands: set[str], right: ast.expr, op: ast.operator) -> Kinds:
    whole = operands <= {"int", "bool"}
    if isinstance(op, ast.Pow) and whole:
        power = constant(right)
        return INT if isinstance(power, int) and power >= 0 else UNKNOWN
    return INT if whole and not isinstance(op, ast.Div) else only("float")


def of_comparison(kinds: FileKinds, node: ast.Compare) -> Kinds:
    """What comparing gives: a tensor where one is compared."""
    if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops):
        return only("bool")
    compared = [node.left, *node.comparators]
    if any(kinds.may_be_tensor(item) for item in compared):
        return TENSOR
    return only("bool") if all(kinds.of(item) for item in compared) else UNKNOWN
