"""Which modules an optimizer trains, and with which arguments of their own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.records import field, record
from jaxport.semantics.model import Model

_LISTS = frozenset({"list", "tuple"})


@record(frozen=True)
class Trained:
    """A module whose parameters an optimizer trains; `own` are the arguments of its group."""

    module: ast.expr
    own: dict[str, ast.expr] = field(default_factory=dict)


def trained(model: Model, call: ast.Call) -> list[Trained]:
    """The modules of `Adam(model.parameters())`; none where parameters are chosen otherwise."""
    given = next((item.value for item in call.keywords if item.arg == "params"), None)
    params = call.args[0] if call.args else given
    return of_parameters(model, params) or [] if params is not None else []


def of_parameters(
    model: Model, node: ast.expr, depth: int = 6
) -> list[Trained] | None:
    """The modules behind an expression for parameters; None where they can't be told."""
    if depth == 0:
        return None
    match node:
        case ast.Name(id=name):
            bindings = model.lookup(node, name)
            if len(bindings) == 1 and bindings[0].kind == "value" and not _is_changed(model, node):
                made = bindings[0].node
                return of_parameters(model, made, depth - 1) if isinstance(made, ast.expr) else None
            return None
        case ast.Call(func=ast.Attribute(value=module, attr="parameters"), args=[], keywords=[]):
            return [Trained(module)]
        case ast.Call(func=ast.Name(id=name), args=[inner]) if name in _LISTS:
            return of_parameters(model, inner, depth - 1)
        case ast.Call(func=func, args=args, keywords=[]) if (
            model.qualified(func) == "itertools.chain"
        ):
            return _joined(model, args, depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined(model, [left, right], depth)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            groups = [_group(model, element, depth) for element in elements]
            return _flat(groups)
    return None


def _joined(model: Model, nodes: list[ast.expr], depth: int) -> list[Trained] | None:
    return _flat([of_parameters(model, node, depth - 1) for node in nodes])


def _flat(parts: list[list[Trained] | None]) -> list[Trained] | None:
    found: list[Trained] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def _group(model: Model, node: ast.expr, depth: int) -> list[Trained] | None:
    """The modules of `{"params": model.head.parameters(), "lr": 0.1}` or `*model.parameters()`."""
    match node:
        case ast.Starred(value=value):
            return of_parameters(model, value, depth - 1)
        case ast.Dict(keys=keys, values=values):
            given = {
                key.value: value
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
            if len(given) != len(values):
                return None
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            given = {keyword.arg or "**": keyword.value for keyword in keywords}
        case _:
            return None
    params = given.pop("params", None)
    inner = of_parameters(model, params, depth - 1) if params is not None else None
    if inner is None or "**" in given:
        return None
    return [Trained(item.module, {**item.own, **given}) for item in inner]


def _is_changed(model: Model, node: ast.Name) -> bool:
    """Whether the list of parameters is added to after it was made."""
    return any(
        other.id == node.id
        and isinstance(parent := model.walk.parents[other], ast.Attribute)
        and isinstance(model.walk.parents[parent], ast.Call)
        for other in model.walk.names
    ) or any(
        isinstance(item.target, ast.Name) and item.target.id == node.id for item in _added(model)
    )


def _added(model: Model) -> Iterator[ast.AugAssign]:
    for node in ast.walk(model.source.tree):
        if isinstance(node, ast.AugAssign):
            yield node
