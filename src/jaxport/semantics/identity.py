"""Which object an expression is: the model of the loss has to be the one the optimizer trains."""

from __future__ import annotations

import ast

from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Binding
from jaxport.semantics.values import Instance, LocalFunction, ordered
from jaxport.tables import torch_names

# The calls in this file that lead to a value, outermost first, and the object that it then is.
Path = tuple[ast.Call, ...]
Sources = dict[Path, object]

_DEPTH = 12


def same(model: Model, one: ast.expr, other: ast.expr) -> bool:
    """Whether two expressions certainly are one object, whichever call led to them.

    Where both come from the caller, every call has to give the same object for both.
    """
    pairs = [
        (left, right)
        for path, left in sources(model, one).items()
        for other_path, right in sources(model, other).items()
        if _compatible(path, other_path)
    ]
    return bool(pairs) and all(left == right for left, right in pairs)


def _compatible(one: Path, other: Path) -> bool:
    # One run of the program can't have come through two different calls of one function.
    return not any(
        left is not right and ast.unparse(left.func) == ast.unparse(right.func)
        for left in one
        for right in other
    )


def sources(model: Model, node: ast.expr, depth: int = _DEPTH) -> Sources:
    """The objects that `node` can be, by the calls of this file that lead there.

    An object is told by the call that makes it, else by the variable that holds it.
    """
    if depth == 0:
        return {(): node}
    match node:
        case ast.Name():
            return _of_name(model, node, depth - 1)
        case ast.Attribute(value=holder, attr=name):
            found = _of_attribute(model, holder, name, depth - 1)
            if found is not None:
                return found
            return {path: (base, name) for path, base in sources(model, holder, depth - 1).items()}
        case ast.Call(func=ast.Attribute(value=holder, attr=method)) if (
            method in torch_names.SELF_METHODS
        ):
            return sources(model, holder, depth - 1)
        case ast.Call(func=func):
            return _of_call(model, node, func, depth - 1)
    return {(): node}


def _of_call(model: Model, node: ast.Call, func: ast.expr, depth: int) -> Sources:
    """What a function of this file gives back, where it returns in one place."""
    for value in model.infer(func):
        if isinstance(value, LocalFunction) and value.model is model:
            returned = model.walk.returns.get(value.scope.node, [])
            if len(returned) == 1 and value.scope.node not in model.walk.yields:
                found: Sources = {}
                for path, item in sources(model, returned[0], depth).items():
                    # What the function is given comes from this call, not from another one.
                    if not path or path[-1] is node:
                        found[path] = item
                return found or {(): node}
    return {(): node}


def _of_name(model: Model, node: ast.Name, depth: int) -> Sources:
    bindings = [item for item in model.before(node) if item.kind != "annotation"]
    if len(bindings) > 1:
        # `model = model.train()` in a loop gives the same model.
        bindings = [item for item in bindings if not _is_itself(item)] or bindings
    here = model.walk.where[node][0].function()
    if len(bindings) > 1 and bindings[0].scope.function() is not here:
        # A function that reads an outer variable runs after all of them, as scripts are written.
        last = max(bindings, key=lambda item: item.row)
        bindings = [last] if not last.blocks else bindings
    if len(bindings) != 1:
        holder = bindings[0].scope if bindings else None
        return {(): (holder, node.id)}
    binding = bindings[0]
    if binding.kind == "value" and isinstance(binding.node, ast.expr):
        return sources(model, binding.node, depth)
    if binding.kind == "parameter" and isinstance(binding.node, ast.arg):
        return _of_parameter(model, binding, binding.node, depth)
    return {(): binding}


def _is_itself(binding: Binding) -> bool:
    node = binding.node
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in torch_names.SELF_METHODS
    ):
        node = node.func.value
    return node is not binding.node and isinstance(node, ast.Name) and node.id == binding.name


def _of_parameter(model: Model, binding: Binding, argument: ast.arg, depth: int) -> Sources:
    found: Sources = {}
    for call, given in model.passed(argument, binding.scope):
        for path, value in sources(model, given, depth).items():
            longer = (*path, call)
            found[longer] = value
    return found or {(): binding}


def _of_attribute(model: Model, holder: ast.expr, name: str, depth: int) -> Sources | None:
    """The object in an attribute of `self`, where the class assigns it once."""
    if not isinstance(holder, ast.Name):
        return None
    parameters = [item for item in model.lookup(holder, holder.id) if item.kind == "parameter"]
    if not parameters:
        return None
    for value in ordered(model.infer(holder)):
        if not isinstance(value, Instance):
            continue
        for other, info in model.local_classes(value):
            bindings = [item for item in info.attributes.get(name, []) if item.kind == "value"]
            if not bindings:
                continue
            only = bindings[0].node
            if len(bindings) == 1 and other is model and isinstance(only, ast.expr):
                return sources(model, only, depth)
            return {(): (info, name)}
    return None
