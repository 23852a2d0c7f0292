"""What the functions of the project give."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.records import record
from jaxport.semantics.kinds.annotations import annotation
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.kind import TENSOR, UNKNOWN, Kinds, only
from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Scope
from jaxport.semantics.values import Instance


@record(frozen=True)
class Call:
    """A call, and the kinds of the file that it stands in."""

    node: ast.Call
    kinds: FileKinds


def returned(kinds: FileKinds, scope: Scope, call: Call | None = None) -> Kinds:
    """What a call of the function with this scope gives."""
    if scope.node in kinds.model.walk.yields:
        return UNKNOWN
    with kinds.asking(("returned", scope.node)) as new:
        return _returned(kinds, scope, call) if new else UNKNOWN


def _returned(kinds: FileKinds, scope: Scope, call: Call | None) -> Kinds:
    if isinstance(scope.node, ast.Lambda):
        return kinds.of(scope.node.body)
    found: Kinds = UNKNOWN
    for value in kinds.model.walk.returns.get(scope.node, []):
        known = kinds.of(value)
        if not known and call is not None and isinstance(value, ast.Name):
            known = _passed_through(value.id, scope.node, call)
        found |= known
    promised = getattr(scope.node, "returns", None)
    if not found - only("none") and promised is not None:
        found |= annotation(kinds.model, promised)
    return found


def _passed_through(name: str, function: ast.AST, call: Call) -> Kinds:
    """The kind of the argument that the function gives back as it is."""
    if not isinstance(function, ast.FunctionDef):
        return UNKNOWN
    names = [argument.arg for argument in function.args.args]
    for keyword in call.node.keywords:
        if keyword.arg == name:
            return call.kinds.of(keyword.value)
    if name in names and names.index(name) < len(call.node.args):
        return call.kinds.of(call.node.args[names.index(name)])
    return UNKNOWN


def forwards(model: Model, value: Instance) -> Iterator[tuple[Model, ast.FunctionDef]]:
    """The methods that a call of the instance can run, each with the model of its file."""
    for owner, info in model.local_classes(value):
        for method in ("forward", "__call__"):
            for binding in info.scope.bindings.get(method, []):
                if isinstance(binding.node, ast.FunctionDef):
                    yield owner, binding.node


def of_forward(kinds: FileKinds, value: Instance, call: ast.Call) -> Kinds:
    """What a call of an instance of a class of the project gives."""
    for model, function in forwards(kinds.model, value):
        scope = model.walk.scopes[function]
        return returned(kinds.elsewhere(model), scope, Call(call, kinds)) or TENSOR
    return UNKNOWN
