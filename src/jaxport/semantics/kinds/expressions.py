"""What each sort of expression gives."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.attributes import of_attribute
from jaxport.semantics.kinds.calls import of_call
from jaxport.semantics.kinds.file_kinds import FileKinds, made_once
from jaxport.semantics.kinds.kind import (
    INT,
    UNKNOWN,
    Kinds,
    elements,
    listed,
    mapping,
    only,
    place,
    sequence,
)
from jaxport.semantics.kinds.literals import integer
from jaxport.semantics.kinds.names import of_name
from jaxport.semantics.kinds.operations import of_comparison, of_operation
from jaxport.semantics.model import Model

_BY_TYPE = {
    "int": INT, "float": only("float"), "bool": only("bool"), "str": only("str"),
    "NoneType": only("none"), "bytes": only("other"), "complex": only("float"),
    "ellipsis": only("other"),
}  # fmt: skip


def kinds_of(model: Model) -> FileKinds:
    """The kinds of a file, made once."""
    return made_once(model, _read)


def _read(kinds: FileKinds, node: ast.AST) -> Kinds:
    match node:
        case ast.Constant(value=value):
            return _BY_TYPE.get(type(value).__name__, only("other"))
        case ast.JoinedStr():
            return only("str")
        case ast.Name():
            return of_name(kinds, node)
        case ast.Attribute():
            return of_attribute(kinds, node)
        case ast.Subscript():
            return _of_subscript(kinds, node)
        case ast.Call():
            return of_call(kinds, node)
        case ast.BinOp(left=left, right=right, op=op):
            return of_operation(kinds, left, right, op)
        case ast.UnaryOp(op=ast.Not()):
            return only("bool")
        case ast.UnaryOp(operand=operand):
            return kinds.of(operand)
        case ast.Compare():
            return of_comparison(kinds, node)
        case ast.BoolOp(values=values):
            return UNKNOWN.union(*(kinds.of(value) for value in values))
        case ast.IfExp(body=body, orelse=orelse):
            return kinds.of(body) | kinds.of(orelse)
        case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
            return kinds.of(value)
        case ast.Lambda():
            return only("function")
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return _of_display(kinds, items)
        case ast.Set(elts=items):
            return sequence(UNKNOWN.union(*(kinds.of(item) for item in items)))
        case ast.Dict(values=values):
            return mapping(UNKNOWN.union(*(kinds.of(value) for value in values)))
        case ast.DictComp(value=value):
            return mapping(kinds.of(value))
        case ast.ListComp(elt=elt) | ast.GeneratorExp(elt=elt) | ast.SetComp(elt=elt):
            return sequence(kinds.of(elt))
    return UNKNOWN


def _of_display(kinds: FileKinds, items: list[ast.expr]) -> Kinds:
    if any(isinstance(item, ast.Starred) for item in items):
        return sequence(UNKNOWN.union(*(
            elements(kinds.of(item.value)) if isinstance(item, ast.Starred) else kinds.of(item)
            for item in items
        )))
    return listed(kinds.of(item) for item in items)


def _of_subscript(kinds: FileKinds, node: ast.Subscript) -> Kinds:
    index = integer(node.slice)
    found: Kinds = UNKNOWN
    for kind in kinds.of(node.value):
        single = frozenset([kind])
        if kind.name in ("tensor", "numpy", "str"):
            found |= only(kind.name)
        elif kind.name == "mapping":
            found |= kind.each
        elif isinstance(node.slice, ast.Slice):
            found |= sequence(elements(single))
        else:
            found |= elements(single) if index is None else place(single, index)
    if not found and kinds.may_be_module(node):
        return only("module")
    return found
