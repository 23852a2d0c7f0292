"""What tensors can do and JAX arrays can't: changes in place, control flow, gradient switches."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import _port_control_flow, _port_in_place, _port_switches
from jaxport.rules._conversion import Conversion
from jaxport.semantics.aliases import Aliases
from jaxport.tables.constants import TENSOR_ATTRIBUTES

_TORCH_ATTRIBUTES = frozenset({
    "grad", "requires_grad", "is_cuda", "is_leaf", "layout", "grad_fn", "is_sparse", "names",
})  # fmt: skip


def convert(port: Conversion) -> list[Finding]:
    if not port.speaks_torch:
        return []
    aliases = Aliases(port.kinds)
    found: list[Finding] = []
    for node in ast.walk(port.model.source.tree):
        found += _node(port, aliases, node)
        if isinstance(node, ast.Call):
            found += _port_in_place.given_to(port, aliases, node)
    return found


def _node(port: Conversion, aliases: Aliases, node: ast.AST) -> Iterator[Finding]:
    match node:
        case ast.Assign():
            yield from _port_in_place.assigned(port, aliases, node)
        case ast.AugAssign():
            yield from _port_in_place.augmented(port, aliases, node)
        case ast.Expr(value=ast.Call() as call):
            yield from _port_in_place.called(port, aliases, call)
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            yield from _port_control_flow.decided(port, node)
        case ast.With():
            yield from _port_switches.block(port, node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from _port_switches.decorators(port, node)
        case ast.Call(func=ast.Name(id="int" | "float" | "bool"), args=[argument]):
            yield from _port_control_flow.read(port, node, argument)
        case ast.Call(func=ast.Attribute() as func):
            yield from _port_in_place.given_on(port, aliases, node, func)
        case ast.Attribute(ctx=ast.Load()):
            yield from _attribute(port, node)


def _attribute(port: Conversion, node: ast.Attribute) -> Iterator[Finding]:
    """An attribute of a tensor that JAX arrays write differently, or have not."""
    parent = port.model.walk.parents.get(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        return
    if not port.kinds.is_tensor(node.value) or port.model.qualified(node) is not None:
        return
    if isinstance(node.value, ast.Attribute) and port.kinds.names(node.value) != {"tensor"}:
        return
    if node.attr == "device":
        spelled = port.spelled("jax", node)
        yield port.text("JXP701", node, "an array has no device while it is traced",
                        [port.replaced(node, f"{spelled}.devices()[0]")], ("jax",))
        return
    form = TENSOR_ATTRIBUTES.get(node.attr)
    if form is None:
        if node.attr in _TORCH_ATTRIBUTES:
            yield port.blocked("JXP005", node, f"`{node.attr}` is an attribute of torch tensors",
                               "JAX arrays have none")
        return
    rest = form.removeprefix("{self}")
    if rest != f".{node.attr}":
        yield port.text("JXP902", node, f"`{node.attr}` of a tensor is written differently in JAX",
                        [port.behind(node.value, node, rest)])
