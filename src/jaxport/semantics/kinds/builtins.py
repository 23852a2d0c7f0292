"""What Python's own functions give."""

from __future__ import annotations

import ast

from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.functions import returned
from jaxport.semantics.kinds.kind import (
    INT,
    SHAPE,
    TENSOR,
    UNKNOWN,
    Kinds,
    elements,
    listed,
    only,
    sequence,
)
from jaxport.semantics.values import Instance, LocalFunction

_ALWAYS = {
    **dict.fromkeys(("int", "len", "round", "ord", "hash", "id"), INT),
    **dict.fromkeys(
        ("bool", "isinstance", "hasattr", "callable", "all", "any", "issubclass"), only("bool")
    ),
    **dict.fromkeys(("str", "repr", "format"), only("str")),
    "float": only("float"), "range": SHAPE, "dict": only("mapping"),
}  # fmt: skip


def of_builtin(kinds: FileKinds, name: str, arguments: list[ast.expr]) -> Kinds:
    """What a call of the builtin `name` with these arguments gives."""
    if name in _ALWAYS:
        return _ALWAYS[name]
    match name, arguments:
        case "list" | "tuple" | "reversed" | "sorted" | "iter", [first, *_]:
            inner = kinds.of(first)
            keeps = name in ("list", "tuple") and {kind.name for kind in inner} == {"sequence"}
            return inner if keeps else sequence(elements(inner))
        case "list" | "tuple" | "set", _:
            return sequence(UNKNOWN)
        case "enumerate", [first, *_]:
            return sequence(listed([INT, elements(kinds.of(first))]))
        case "zip", _:
            return sequence(listed(elements(kinds.of(item)) for item in arguments))
        case "map", [function, first, *_]:
            return _mapped(kinds, function, first)
        case "filter", [_, items]:
            return sequence(elements(kinds.of(items)))
        case "abs", [first, *_]:
            return kinds.of(first)
        case "min" | "max", [_, _, *_]:
            return UNKNOWN.union(*(kinds.of(item) for item in arguments))
        case "min" | "max" | "sum" | "next", [first, *_]:
            return elements(kinds.of(first))
    return UNKNOWN


def _mapped(kinds: FileKinds, function: ast.expr, items: ast.expr) -> Kinds:
    places = [kind.places for kind in kinds.of(items) if kind.places]
    each = _result(kinds, function)
    return listed(each for _ in places[0]) if len(places) == 1 else sequence(each)


def _result(kinds: FileKinds, function: ast.expr) -> Kinds:
    """What a call of the function, which is handed on, gives."""
    if isinstance(function, ast.Lambda):
        return kinds.of(function.body)
    found: Kinds = UNKNOWN
    for value in kinds.model.infer(function):
        if isinstance(value, LocalFunction) and value.model is kinds.model:
            found |= returned(kinds, value.scope)
        elif isinstance(value, Instance):
            found |= TENSOR
    if isinstance(function, ast.Name) and function.id in ("int", "float", "str"):
        return only(function.id)
    return found
