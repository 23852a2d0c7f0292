"""Attributes of modules that hold arrays or modules: NNX has to be told of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules._conversion import Conversion
from jaxport.semantics.kinds.kind import Kind
from jaxport.semantics.scopes import Binding, Class

_CODE = "JXP410"
_DATA = frozenset({"tensor", "module"})
_DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp)


def convert(port: Conversion) -> list[Finding]:
    return [
        finding
        for info in port.model.walk.classes.values() if port.is_module_class(info)
        for bindings in info.attributes.values()
        for finding in (
            *_nothing_yet(port, info, bindings), *_containers(port, bindings),
            *_methods(port, bindings),
        )
    ]  # fmt: skip


def _nothing_yet(port: Conversion, info: Class, bindings: list[Binding]) -> Iterator[Finding]:
    """`self.cache = None`, where something is kept later: NNX decides at the first value."""
    values = {value: binding for binding in bindings if (value := _value(binding)) is not None}
    later = [value for value in values if _may_be_data(port, value)]
    for value in values:
        if _is_none(value) and any(not _apart(info.node, value, other) for other in later):
            spelled = port.spelled("flax.nnx", value)
            yield port.text(
                _CODE, value, "an attribute that is data later begins as `nnx.data`",
                [port.replaced(value, f"{spelled}.data(None)")], ("flax.nnx",),
            )  # fmt: skip


def _value(binding: Binding) -> ast.expr | None:
    """What is assigned, where that is seen; of `self.a, self.b = x, None` the one value."""
    node = binding.node
    if binding.kind == "element" and isinstance(node, (ast.Tuple, ast.List)):
        plain = not any(isinstance(item, ast.Starred) for item in node.elts)
        return node.elts[binding.index - 1] if plain and not binding.inner else None
    return node if binding.kind == "value" and isinstance(node, ast.expr) else None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _may_be_data(port: Conversion, node: ast.expr) -> bool:
    names = port.kinds.names(node) - {"none"}
    return bool(names & _DATA) or (not names and not _is_none(node))


def _apart(node: ast.AST, one: ast.expr, other: ast.expr) -> bool:
    """Whether the two stand in the two branches of an `if`, so that never both are run."""
    return any(
        isinstance(item, ast.If) and (
            (_within(item.body, one) and _within(item.orelse, other))
            or (_within(item.body, other) and _within(item.orelse, one))
        )
        for item in ast.walk(node)
    )


def _within(block: list[ast.stmt], node: ast.expr) -> bool:
    return bool(block) and block[0].lineno <= node.lineno <= (block[-1].end_lineno or 0)


def _containers(port: Conversion, bindings: list[Binding]) -> Iterator[Finding]:
    """Lists, tuples and dictionaries that torch does not look into, and NNX refuses."""
    for binding in bindings:
        value = _value(binding)
        if isinstance(value, _DISPLAYS) and any(map(_holds_data, port.kinds.of(value))):
            yield port.blocked(_CODE, value, "modules or arrays in a plain container",
                               "torch does not look into it, and NNX takes `nnx.List` only")


def _holds_data(kind: Kind) -> bool:
    return any(
        item.name in _DATA or _holds_data(item)
        for item in kind.each.union(*kind.places)
    )


def _methods(port: Conversion, bindings: list[Binding]) -> Iterator[Finding]:
    """A method, or a function around the module, that the module keeps.

    It belongs to the object that was there when it was kept. What JAX differentiates and compiles
    is a copy of the module: through the method no gradient would flow.
    """
    for binding in bindings:
        value = _value(binding)
        if value is not None and any(_keeps_module(port, node) for node in ast.walk(value)):
            yield port.blocked(_CODE, value, "a method is kept in an attribute",
                               "it stays with this module, and gradients are those of a copy")


def _keeps_module(port: Conversion, node: ast.AST) -> bool:
    match node:
        case ast.Lambda():
            return any(isinstance(item, ast.Name) and item.id == "self" for item in ast.walk(node))
        case ast.Attribute(value=ast.Name(id="self") | ast.Attribute()):
            return not port.is_called(node) and port.kinds.names(node) == {"function"}
    return False
