"""What tensors can do and JAX arrays can't: changes in place, control flow, gradient switches."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import (
    _port_control_flow,
    _port_dtypes,
    _port_gradients,
    _port_in_place,
    _port_numbers,
    _port_switches,
)
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_layers import attribute
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
        if isinstance(node, ast.stmt):
            found += _port_gradients.stored(port, node)
        elif isinstance(node, ast.Call):
            found += [*_port_gradients.called(port, node), *_port_numbers.call(port, node)]
            found += _port_in_place.given_to(port, aliases, node)
    return found


def _node(port: Conversion, aliases: Aliases, node: ast.AST) -> Iterator[Finding]:
    match node:
        case ast.Assign():
            yield from _port_in_place.assigned(port, aliases, node)
        case ast.AugAssign():
            yield from _port_in_place.augmented(port, aliases, node)
            yield from _port_numbers.operation(port, node)
        case ast.Expr(value=ast.Call() as call):
            yield from _port_in_place.called(port, aliases, call)
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            yield from _port_control_flow.decided(port, node)
        case ast.Compare():
            yield from _port_dtypes.compared(port, node)
        case ast.Dict() | ast.Set():
            yield from _port_dtypes.keys(port, node)
        case ast.Try():
            yield from _port_control_flow.caught(port, node)
        case ast.BinOp():
            yield from _port_numbers.operation(port, node)
        case ast.With():
            yield from _port_switches.block(port, node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from _port_switches.decorators(port, node)
        case ast.Call(func=func) if _port_gradients.copies(port, func):
            yield from _port_gradients.copied(port, node)
        case ast.Call(func=ast.Name(id="abs") as func, args=[argument]) if (
            port.kinds.is_tensor(argument) and not port.model.is_bound(func, "abs")
        ):
            yield port.text("JXP901", node, "the gradient of `abs` at zero is torch's",
                            [port.replaced(func, port.part_name("absolute"))], used=("absolute",))
        case ast.Call(func=ast.Name(id="int" | "float" | "bool"), args=[argument]):
            yield from _port_control_flow.read(port, node, argument)
        case ast.Call(func=ast.Attribute() as func):
            yield from _port_in_place.given_on(port, aliases, node, func)
        case ast.Attribute(ctx=ast.Load()):
            yield from attribute(port, node)
            yield from _attribute(port, node)
        case ast.Subscript(value=value, slice=index) if port.kinds.is_tensor(value):
            yield from _indexed(port, index)


def _indexed(port: Conversion, index: ast.expr) -> Iterator[Finding]:
    """`x[[0, 2]]`: JAX takes no list as the whole index, which is no tuple either."""
    made = list(_made(port, index)) if port.kinds.names(index) == {"sequence"} else []
    lists = [isinstance(item, (ast.List, ast.ListComp)) for item in made]
    if not made or (not any(lists) and all(isinstance(item, ast.Tuple) for item in made)):
        return
    message = "a list is no index in JAX"
    if not all(lists):
        yield port.blocked("JXP901", index, message, "whether it is a list or a tuple of indices "
                           "can't be told")
        return
    asarray = f"{port.spelled('jax.numpy', index)}.asarray("
    yield port.text("JXP901", index, message, [port.before(index, asarray), port.after(index, ")")],
                    ("jax.numpy",))


def _made(port: Conversion, node: ast.expr) -> Iterator[ast.AST]:
    """Where the value is made: by the expression, or by what its name is bound to."""
    bindings = port.model.lookup(node, node.id) if isinstance(node, ast.Name) else []
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
        info = port.module_class(node)
        bindings = info.attributes.get(node.attr, []) if info else []
    if not bindings:
        yield node
    for binding in bindings:
        yield binding.node if binding.kind == "value" else node


def _attribute(port: Conversion, node: ast.Attribute) -> Iterator[Finding]:
    """An attribute of a tensor that JAX arrays write differently, or have not."""
    if port.is_called(node):
        return
    if node.attr in ("type", "index") and port.kinds.names(node.value) == {"device"}:
        yield _of_device(port, node)
        return
    if not port.kinds.is_tensor(node.value) or port.model.qualified(node) is not None:
        return
    if isinstance(node.value, ast.Attribute) and node.attr != "data" and (
        port.kinds.names(node.value) != {"tensor"}
    ):
        return
    if node.attr == "device":
        spelled = port.spelled("jax", node)
        yield port.text("JXP701", node, "an array has no device while it is traced",
                        [port.replaced(node, f"{spelled}.devices()[0]")], ("jax",))
        return
    if node.attr == "data":
        yield _port_gradients.data(port, node)
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


def _of_device(port: Conversion, node: ast.Attribute) -> Finding:
    """`x.device.type == "cuda"` asks for the platform, which JAX calls `gpu`."""
    message = "the platform is `jax.default_backend()`"
    parent = port.model.walk.parents.get(node)
    other = parent.comparators[0] if (
        isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.Eq, ast.NotEq))
        and len(parent.ops) == 1 and parent.left is node
    ) else None
    if node.attr != "type" or not isinstance(other, ast.Constant):
        return port.blocked("JXP701", node, message, "its names are not those of torch")
    edits = [port.replaced(node, f"{port.spelled('jax', node)}.default_backend()")]
    if other.value == "cuda":
        edits.append(port.replaced(other, '"gpu"'))
    return port.text("JXP701", node, message, edits, ("jax",))
