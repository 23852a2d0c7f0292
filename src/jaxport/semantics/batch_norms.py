"""Whether a layer is a batch norm, though its class may be chosen by name or by the caller."""

from __future__ import annotations

import ast
import re

from jaxport.semantics.model import Model, default_of
from jaxport.semantics.scopes import Binding
from jaxport.semantics.values import (
    Evidence,
    External,
    Instance,
    Items,
    Literal,
    LocalClass,
    LocalFunction,
    Value,
)
from jaxport.tables import torch_names

# How many expressions are followed from one layer.
_MOST = 300
_NAME = re.compile(r"(?:^|_)bn|batch_?norm")
# The name of a layer, and not of a method such as `fuse_bn`.
_LAYER_NAME = re.compile(r"(?:bn|batch_?norm)_?\d*\w?")
_NONE = Literal("NoneType")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# What stands in for no layer, and any layer at all.
_STAND_IN = External("torch.nn.Identity")
_ANY = External("torch.nn.Module")


def batch_norm(model: Model, node: ast.expr) -> Evidence | None:
    """How sure it is that the layer `node` is a batch norm; None where nothing says so."""
    values = model.infer(node) - {_NONE}
    layers = [value for value in values if isinstance(value, Instance)]
    found = [proof for value in layers if (proof := model.value_role(value, "batch norm"))]
    unknown = [value for value in layers if value.of == _ANY]
    others = [
        value for value in layers
        if value.of not in (_STAND_IN, _ANY) and not model.value_role(value, "batch norm")
    ]
    # A class that is annotated `Type[nn.Module]` says nothing against what its default is.
    alone = not others and all(value.call is not None for value in unknown)
    if found and (alone or _is_each(model, node)):
        mixed = len(found) < sum(not isinstance(value, Items) for value in values)
        return Evidence.USE if mixed else min(found)
    if not layers and (values or not _is_of_module(model, node)):
        return None
    holder = node.value if isinstance(node, ast.Subscript) else node
    name = getattr(holder, "attr", getattr(holder, "id", "")).lower()
    named = _NAME.search(name) if values else _LAYER_NAME.fullmatch(name)
    open_ended = unknown or not values
    if named and (found or (open_ended and not others)):
        return Evidence.NAME
    if not found and not others and not open_ended:
        return None  # Only a stand-in is certain.
    made = [layer.call for layer in layers if layer.call in model.walk.where]
    given = any(part is not None and _is_given(model, part) for part in [node, *made])
    return Evidence.NAME if given else None


def _is_each(model: Model, node: ast.AST) -> bool:
    """Whether `node` is the variable of a loop, so that it is every item in turn."""
    bindings = model.lookup(node, node.id) if isinstance(node, ast.Name) else []
    return bool(bindings) and all(binding.kind == "item" for binding in bindings)


def _is_of_module(model: Model, node: ast.expr) -> bool:
    """Whether `node` is an attribute of what is certainly a module, or of a part of one."""
    if not isinstance(node, ast.Attribute):
        return False
    holder = node.value
    while isinstance(holder, (ast.Attribute, ast.Subscript)) and not model.infer(holder):
        holder = holder.value
    return any(_is_module(model, value) for value in model.infer(holder))


def _is_module(model: Model, value: Value) -> bool:
    """Whether `value` is a module; a class with `forward` above one of another package is one."""
    if not isinstance(value, Instance):
        return False
    if model.value_role(value, "module"):
        return True
    return any("forward" in info.scope.bindings for _, info in model.local_classes(value)) and any(
        map(torch_names.is_torch, model.ancestors(value))
    )


def _is_given(model: Model, node: ast.AST) -> bool:
    """Whether somebody gives a batch norm for `node`, a layer, the class or the name of one.

    A default, an argument of a call in this file and an entry for `**options` count.
    """
    seen: set[ast.AST] = set()
    queue = [(model, node)]
    for holder, part in queue:  # grows
        if part in seen or part in model.no_batch_norms:
            continue
        if len(seen) == _MOST:
            return False
        seen.add(part)
        if _says_so(holder, part):
            return True
        queue += _sources(holder, part)
    model.no_batch_norms |= seen
    return False


def _says_so(model: Model, node: ast.AST) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(_NAME.search(node.value.lower()))
    return _is_class(model, node)


def _sources(model: Model, node: ast.AST) -> list[tuple[Model, ast.AST]]:
    """The expressions that one of them gives `node`, or decides what it is."""
    found: list[ast.expr] = []
    match node:
        case ast.BoolOp(values=parts):
            found = parts
        case ast.IfExp(body=body, orelse=other):
            found = [part for part in (body, other) if not _is_direct(model, part)]
        case ast.Call(func=func, args=arguments, keywords=keywords):
            values = model.infer(func)
            if External("functools.partial") in values:
                found = arguments[:1]
            elif not any(isinstance(value, LocalFunction) for value in values):
                found = [] if _is_direct(model, func) else [func]
            elif any(_is_one(model, value) for value in model.infer(node)):
                found = [*arguments, *(keyword.value for keyword in keywords)]
        case ast.Name():
            return [source for item in model.before(node) for source in _bound(model, item)]
        case ast.Attribute():
            return [
                source
                for holder in model.infer(node.value)
                for other, item in _assigned(model, holder, node.attr)
                for source in _bound(other, item)
            ]
    return [(model, part) for part in found]


def _assigned(model: Model, holder: Value, name: str) -> list[tuple[Model, Binding]]:
    """What the class of `holder`, or the nearest above that does so, assigns to `name`."""
    for other, info in model.local_classes(holder):
        found = [*info.attributes.get(name, []), *info.scope.bindings.get(name, [])]
        if found:
            return [(other, item) for item in found]
    return []


def _bound(model: Model, binding: Binding) -> list[tuple[Model, ast.AST]]:
    """The expressions that give the binding its value."""
    function = binding.scope.node
    match binding.kind, binding.node:
        case "value", node:
            return [(model, node)]
        case "parameter", ast.arg() as argument if isinstance(function, _FUNCTIONS):
            default = default_of(function.args, argument)
            given = [value for _, value in model.passed(argument, binding.scope)]
            given += model.options(argument.arg)
            return [(model, value) for value in ([default] if default else []) + given]
    return []


def _is_class(model: Model, node: ast.AST) -> bool:
    """Whether `node` is the name of a class of batch norms."""
    values = model.infer(node) if isinstance(node, (ast.Name, ast.Attribute)) else ()
    return len(values) == 1 and all(
        isinstance(value, (External, LocalClass)) and _is_one(model, value) for value in values
    )


def _is_direct(model: Model, node: ast.AST) -> bool:
    """Whether the code itself names the class, so that nobody gives another."""
    bindings = model.before(node) if isinstance(node, ast.Name) else []
    return _is_class(model, node) and all(item.kind in ("import", "class") for item in bindings)


def _is_one(model: Model, value: Value) -> bool:
    return any(name in torch_names.BATCH_NORMS for name in model.ancestors(value))
