"""What names are: everything that the file gives them."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.annotations import annotation
from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.kind import (
    INT,
    TENSOR,
    UNKNOWN,
    Kinds,
    elements,
    only,
    place,
    sequence,
)
from jaxport.semantics.kinds.operations import of_operation
from jaxport.semantics.kinds.uses import of_parameter, used_as_tensor
from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Binding


def of_name(kinds: FileKinds, node: ast.Name) -> Kinds:
    classes = [annotation(kinds.model, item) for item in narrowed(kinds.model, node)]
    if classes and all(classes):
        return UNKNOWN.union(*classes)
    found: Kinds = UNKNOWN
    bindings = kinds.before(node)
    for binding in bindings:
        found |= bound_by(kinds, binding)
    if bindings and all(binding.kind == "annotation" for binding in bindings):
        return found
    if not found - only("none") and used_as_tensor(kinds, node, bindings):
        found |= TENSOR
    if not found and kinds.may_be_module(node):
        return only("module")
    return found


def narrowed(model: Model, node: ast.Name) -> list[ast.expr]:
    """The classes that an `isinstance` around says the variable is an instance of."""
    _, blocks = model.walk.where.get(node, (None, ()))
    for block in reversed(blocks):
        inside = isinstance(block, (ast.If, ast.While)) and (
            block.body[0].lineno <= node.lineno <= (block.body[-1].end_lineno or 0)
        )
        tests = [block.test] if isinstance(block, (ast.If, ast.While)) and inside else []
        while tests:
            match tests.pop():
                case ast.BoolOp(op=ast.And(), values=values):
                    tests += values
                case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), of]):
                    if name == node.id:
                        return list(of.elts) if isinstance(of, ast.Tuple) else [of]
    return []


def bound_by(kinds: FileKinds, binding: Binding) -> Kinds:
    """What the binding gives its name."""
    match binding.kind, binding.node:
        case "value", node:
            return kinds.of(node)
        case "annotation", node:
            return annotation(kinds.model, node)
        case "element", (ast.Tuple() | ast.List()) as node if any(
            isinstance(item, ast.Starred) for item in node.elts
        ):
            return _within(_behind_star(kinds, node, binding.index - 1), binding)
        case "element", node:
            return _within(place(kinds.of(node), binding.index - 1), binding)
        case "item", node:
            return _within(_item(kinds, node, binding.index), binding)
        case "parameter", ast.arg() as argument:
            return of_parameter(kinds, argument, binding.scope)
        case "other", ast.AugAssign(target=target, value=value, op=op):
            return of_operation(kinds, target, value, op)
        case "class" | "function" as sort, _:
            return only(sort)
        case "added", node:
            return sequence(kinds.of(node))
    return UNKNOWN


def _within(held: Kinds, binding: Binding) -> Kinds:
    for index in binding.inner:
        held = place(held, index - 1)
    return held


def _behind_star(kinds: FileKinds, node: ast.Tuple | ast.List, index: int) -> Kinds:
    """What the target at `index` gets in `a, b, c = *x, y`."""
    statement = kinds.model.walk.parents.get(node)
    targets = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(targets, (ast.Tuple, ast.List)) or any(
        isinstance(item, ast.Starred) for item in targets.elts
    ):
        return UNKNOWN
    stars = [at for at, item in enumerate(node.elts) if isinstance(item, ast.Starred)]
    if index < stars[0]:
        return kinds.of(node.elts[index])
    from_end = index - len(targets.elts)
    if from_end >= stars[-1] + 1 - len(node.elts):
        return kinds.of(node.elts[from_end])
    return UNKNOWN.union(*(elements(kinds.of(node.elts[at])) for at in stars))


def _item(kinds: FileKinds, iterable: ast.AST, index: int) -> Kinds:
    """What a loop over `iterable` gives its target, or the one at `index` of its targets."""
    match iterable:
        case ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]):
            if index == 1:
                return INT
            return elements(kinds.of(first)) if index == 2 else UNKNOWN
        case ast.Call(func=ast.Name(id="zip"), args=arguments) if 0 < index <= len(arguments):
            return elements(kinds.of(arguments[index - 1]))
        case ast.Call(func=ast.Attribute(value=holder, attr="items")):
            for kind in kinds.of(holder):
                if kind.name == "mapping":
                    return kind.each if index == 2 else only("str")
        case ast.Call(func=ast.Attribute(value=holder, attr="values")):
            for kind in kinds.of(holder):
                if kind.name == "mapping":
                    return kind.each
        case ast.Call(func=ast.Attribute(attr="parameters")):
            return TENSOR
        case ast.Call(func=ast.Attribute(attr="modules" | "children")):
            return only("module")
        case ast.Call(func=ast.Attribute(attr="named_parameters" | "named_buffers")):
            return TENSOR if index == 2 else only("str")
    found = elements(kinds.of(iterable))
    return place(found, index - 1) if index else found
