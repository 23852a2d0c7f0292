"""Where a value goes after it is made, as far as the file shows."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.semantics.values import Instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.semantics.model import Model
    from jaxport.semantics.scopes import Binding

_CALL_FREE = (ast.Assign, ast.AnnAssign, ast.Expr, ast.Import, ast.ImportFrom, ast.Pass)


def uses(model: Model, node: ast.expr) -> list[ast.expr]:
    """The places where the value of `node` is read: itself, or each load of its name.

    A value bound to anything but a plain name counts as read where it is made.
    """
    parent = model.walk.parents.get(node)
    if isinstance(parent, ast.Expr):
        return []
    if isinstance(parent, ast.Assign) and [type(t) for t in parent.targets] == [ast.Name]:
        binding = binding_of(model, node)
        if binding is not None and not _is_exported(model, binding):
            return [name for name in model.walk.names
                    if name.id == binding.name and binding in model.lookup(name, name.id)]
    return [node]


def binding_of(model: Model, node: ast.expr) -> Binding | None:
    """The binding of the plain name that the expression `node` is assigned to."""
    for scope in model.walk.scopes.values():
        for bindings in scope.bindings.values():
            for binding in bindings:
                if binding.node is node and binding.kind == "value":
                    return binding
    return None


def origin(model: Model, node: ast.expr) -> ast.expr:
    """The expression that made the value of `node`, through names and `copy.deepcopy`."""
    for _ in range(8):
        if isinstance(node, ast.Name):
            bindings = model.lookup(node, node.id)
            if len(bindings) != 1 or bindings[0].kind != "value":
                return node
            inner = bindings[0].node
        elif isinstance(node, ast.Call) and is_copy(model, node):
            inner = node.args[0]
        else:
            return node
        if not isinstance(inner, ast.expr):
            return node
        node = inner
    return node


def is_copy(model: Model, node: ast.AST) -> bool:
    """Whether `node` is `copy.deepcopy(x)` or `copy.copy(x)`."""
    return (
        isinstance(node, ast.Call)
        and len(node.args) == 1
        and not node.keywords
        and model.qualified(node.func) in ("copy.deepcopy", "copy.copy")
    )


def nothing_happens_between(model: Model, first: ast.AST, last: ast.AST) -> bool:
    """Whether the two stand in one block with nothing but simple bindings between them."""
    start, end = model.walk.statement(first), model.walk.statement(last)
    block = next(
        (body for body in _blocks(model.walk.parents[start]) if start in body and end in body), None
    )
    if block is None:
        return False
    between = block[block.index(start) + 1 : block.index(end)]
    return all(
        isinstance(statement, _CALL_FREE)
        and all(_is_harmless(model, call) for call in ast.walk(statement)
                if isinstance(call, ast.Call))
        for statement in between
    )


def _is_harmless(model: Model, call: ast.Call) -> bool:
    # Building another object, or printing, does not touch the one that we follow.
    made = model.infer(call)
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return name == "print" or method in ("load_state_dict", "state_dict") or (
        bool(made) and all(isinstance(value, Instance) for value in made)
        and (name or method)[:1].isupper()
    )


def _blocks(parent: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(parent):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value


def _is_exported(model: Model, binding: Binding) -> bool:
    if binding.scope is not model.walk.module:
        return binding.name in binding.scope.elsewhere
    return any(
        binding.name in inner.elsewhere for inner in model.walk.scopes.values()
    )
