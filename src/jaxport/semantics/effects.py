"""What a statement reads, writes and changes, by name: `x`, and `self.x` for attributes of names.

`self` itself is no name here: what matters is which of its attributes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.records import field, record
from jaxport.semantics.model import Model

_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Await)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_EXPRESSIONS = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@record(frozen=True)
class Effects:
    """The names that a piece of code reads, gives a value to, and whose object it may change."""

    reads: frozenset[str] = field(default=frozenset())
    writes: frozenset[str] = field(default=frozenset())
    changes: frozenset[str] = field(default=frozenset())

    @property
    def touches(self) -> frozenset[str]:
        return self.writes | self.changes


def effects(model: Model, *nodes: ast.AST) -> Effects:
    """What `nodes` do, taken together. Names of their own comprehensions are left out."""
    reads: set[str] = set()
    writes: set[str] = set()
    changes: set[str] = set()
    for top in nodes:
        for node in ast.walk(top):
            match node:
                case ast.Name(id="self"):
                    pass
                case ast.Name(ctx=ctx):
                    if not _is_own(model, node, top):
                        (reads if isinstance(ctx, ast.Load) else writes).add(node.id)
                case ast.Attribute(value=ast.Name(id=holder), attr=attr, ctx=ast.Load()):
                    reads.add(f"{holder}.{attr}")
                case ast.Attribute(value=ast.Name(id=holder), attr=attr):
                    writes.add(f"{holder}.{attr}")
                    changes.add(holder)
                case ast.AugAssign(target=target):
                    reads |= _base(target)
                case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
                    changes |= _base(value)
                case ast.Attribute(value=value, ctx=ast.Store() | ast.Del()):
                    changes |= _base(value)
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=value))):
                    changes |= _base(value)
                case ast.alias(name=name, asname=asname):
                    writes.add(asname or name.split(".")[0])
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    writes.add(name)
                case _:
                    pass
    return Effects(frozenset(reads), frozenset(writes), frozenset(changes))


def _base(node: ast.expr) -> set[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        inner = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Attribute) and isinstance(inner, ast.Name):
            return {f"{inner.id}.{node.attr}"}
        node = inner
    return {node.id} if isinstance(node, ast.Name) else set()


def _is_own(model: Model, node: ast.Name, top: ast.AST) -> bool:
    """Whether the name belongs to a comprehension or a lambda inside of `top`."""
    scope, _ = model.walk.where.get(node, (model.walk.module, ()))
    while isinstance(scope.node, _EXPRESSIONS) and _inside(model, scope.node, top):
        if node.id in scope.bindings:
            return True
        assert scope.parent is not None
        scope = scope.parent
    return False


def _inside(model: Model, node: ast.AST, top: ast.AST) -> bool:
    return node is top or any(parent is top for parent in model.walk.ancestors(node))


def jumps(statement: ast.AST) -> bool:
    """Whether `statement` can leave the block that it stands in."""
    return any(True for _ in _jumps(statement, in_loop=False))


def _jumps(node: ast.AST, in_loop: bool) -> Iterator[ast.AST]:
    if isinstance(node, _SCOPES):
        return
    if isinstance(node, _JUMPS) and not (in_loop and isinstance(node, (ast.Break, ast.Continue))):
        yield node
    inner = in_loop or isinstance(node, _LOOPS)
    for child in ast.iter_child_nodes(node):
        yield from _jumps(child, inner)


def block_of(model: Model, statement: ast.stmt) -> list[ast.stmt]:
    """The statements that `statement` stands among."""
    parent = model.walk.parents[statement]
    for _, value in ast.iter_fields(parent):
        if isinstance(value, list) and statement in value:
            return value
    return [statement]
