"""Constants as they are written."""

from __future__ import annotations

import ast

NOT_CONSTANT = object()


def constant(node: ast.AST) -> object:
    """The value of a constant expression; `NOT_CONSTANT` for everything else."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    return NOT_CONSTANT


def integer(node: ast.AST) -> int | None:
    """The value of a constant whole number."""
    value = constant(node)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
