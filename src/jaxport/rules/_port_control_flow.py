"""Values of tensors that decide what runs: a traced module has none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules._conversion import Conversion

# What torch raises where JAX computes on or raises something else, and what catches anything.
_OF_TORCH = frozenset({"IndexError", "RuntimeError", "ValueError", "TypeError"})
_ANY = frozenset({"Exception", "BaseException", "LookupError"})
_MESSAGE = "a value decides what runs, and a traced module has no values"


def decided(
    port: Conversion, node: ast.If | ast.While | ast.IfExp | ast.Assert
) -> Iterator[Finding]:
    """What a test of a tensor decides."""
    tests = [node.test]
    while tests:
        test = tests.pop()
        match test:
            case ast.BoolOp(values=values):
                tests += values
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                tests.append(operand)
            case _:
                if port.kinds.is_tensor(test) and _runs_traced(port, node):
                    yield port.blocked("JXP502", test, _MESSAGE,
                                       "`jnp.where`, `jax.lax.cond` or `jax.lax.while_loop` do")


def read(port: Conversion, call: ast.Call, argument: ast.expr) -> Iterator[Finding]:
    """`int(x)`, `float(x)`, `bool(x)`: the value of a tensor for Python."""
    if port.kinds.is_tensor(argument) and _runs_traced(port, call):
        yield port.blocked("JXP503", call, _MESSAGE, "compute with the array instead")


def caught(port: Conversion, node: ast.Try) -> Iterator[Finding]:
    """`except IndexError` around tensors: JAX clamps indices, and raises other errors."""
    names = {name for handler in node.handlers for name in _caught(handler)}
    inside = [item for statement in node.body for item in ast.walk(statement)]
    indexed = any(isinstance(item, ast.Subscript) and port.kinds.is_tensor(item.value)
                  for item in inside)
    computed = indexed or any(isinstance(item, (ast.Call, ast.BinOp)) and port.kinds.is_tensor(item)
                              for item in inside)
    if (computed and names & _OF_TORCH) or (indexed and names & _ANY):
        yield port.blocked("JXP502", node, "an error of torch decides what runs",
                           "JAX clamps indices, and raises other errors")


def _caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"Exception"}
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {getattr(item, "id", getattr(item, "attr", "")) for item in types}


def _runs_traced(port: Conversion, node: ast.AST) -> bool:
    """Whether the node runs when the model does: in a method of a module, but for `__init__`."""
    if port.module_class(_some_expression(node)) is None:
        return False
    for outer in port.model.walk.ancestors(node):
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return outer.name != "__init__"
    return False


def _some_expression(node: ast.AST) -> ast.AST:
    return next((item for item in ast.walk(node) if isinstance(item, ast.expr)), node)
