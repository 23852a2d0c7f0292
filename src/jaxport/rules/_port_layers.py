"""How the layers and parameters of a module are made in NNX."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.plans import LayerCall
from jaxport.rules._conversion import CONTAINERS, Conversion
from jaxport.semantics.values import External, Instance, ordered
from jaxport.tables.constants import LAYER_ATTRIBUTES
from jaxport.tables.parts import Part, layers

PARAMETERS = ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "torch.nn.Buffer")


def layer(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    part = layers()[name]
    message = f"`{name}` is made of Flax layers"
    reason = why_not(port, call, part)
    if reason:
        return port.blocked("JXP403", call, message, reason)
    spelled = port.part_name(part.name)
    rngs = port.layer_call(call) if part.needs_rngs else ""
    plan = LayerCall(spelled, rngs, ((part.name, spelled),))
    return port.planned("JXP403", call, message, "convert_layer", plan)


def why_not(port: Conversion, call: ast.Call, part: Part) -> str:
    """Why the part can't be called as torch's layer is here."""
    arguments = part.parameters
    if arguments.vararg is not None and arguments.kwarg is not None:
        return ""
    names = [item.arg for item in [*arguments.posonlyargs, *arguments.args]]
    named = {*names, *(item.arg for item in arguments.kwonlyargs)} - {"rngs"}
    positional = [item for item in call.args if not isinstance(item, ast.Starred)]
    if len(positional) > len(names) and arguments.vararg is None:
        return "it has more arguments than its counterpart"
    for keyword in call.keywords:
        if keyword.arg in ("device", "dtype"):
            return f"`{keyword.arg}` of a layer has no counterpart"
        if keyword.arg is not None and keyword.arg not in named and arguments.kwarg is None:
            return f"`{keyword.arg}` has no counterpart"
        if keyword.arg is None and not named.issuperset(_keys(port, keyword.value)):
            return f"what `**{ast.unparse(keyword.value)}` holds has no counterpart"
    annotations = {
        item.arg: item.annotation for item in [*arguments.args, *arguments.kwonlyargs]
    }
    for key, value in [*zip(names, positional, strict=False),
                       *((item.arg, item.value) for item in call.keywords)]:
        allowed = _literal(annotations.get(key or ""))
        if allowed and isinstance(value, ast.Constant) and value.value not in allowed:
            return f"`{key}={value.value!r}` has no counterpart"
    return ""


def _keys(port: Conversion, node: ast.expr) -> set[str]:
    """The keys of a dictionary that is written there, or where its name gets a value."""
    made: list[ast.AST] = [node]
    if isinstance(node, ast.Name):
        made = [item.node for item in port.model.lookup(node, node.id)]
    found: set[str] = set()
    for value in made:
        match value:
            case ast.Dict(keys=keys):
                found |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
            case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
                found |= {item.arg for item in keywords if item.arg}
    return found


def _literal(node: ast.expr | None) -> tuple[object, ...]:
    """The values of a `Literal[…]` annotation, alone or in a union of literals."""
    match node:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=items)):
            return tuple(item.value for item in items if isinstance(item, ast.Constant))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Constant(value=value)):
            return (value,)
    return ()


def container(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    spelled = port.spelled("flax.nnx", call)
    plan = LayerCall(f"{spelled}.{CONTAINERS[name]}")
    message = f"`{name}` is `flax.nnx.{CONTAINERS[name]}`"
    return port.planned("JXP403", call, message, "convert_layer", plan, ("flax.nnx",))


def parameter(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    made = "BatchStat" if name.endswith("Buffer") else "Param"
    message = f"`{name}` is `flax.nnx.{made}`"
    grad = next((item.value for item in call.keywords if item.arg == "requires_grad"),
                call.args[1] if len(call.args) > 1 else None)
    extra = {item.arg for item in call.keywords} - {"data", "requires_grad", "persistent"}
    if not call.args or extra or isinstance(call.args[0], ast.Starred) or len(call.args) > 2:
        return port.blocked("JXP403", call, message, "it is not made of one tensor")
    if grad is not None and made == "Param":
        if not isinstance(grad, ast.Constant):
            return port.blocked("JXP403", call, message, "whether it is trained is computed")
        made = "Param" if grad.value else "BatchStat"
    if port.model.walk.parents.get(call) is None:
        return port.blocked("JXP403", call, message, "nothing holds it")
    edits = [port.replaced(call.func, f"{port.spelled('flax.nnx', call)}.{made}")]
    if len(call.args) > 1 or call.keywords:
        edits.append(port.behind(call.args[0], call, ")"))
    return port.text("JXP403", call, message, edits, ("flax.nnx",))


def passes_rngs(port: Conversion, call: ast.Call) -> Finding:
    """A call of what makes layers."""
    return port.planned(
        "JXP404", call, "random numbers are passed on as `rngs` in NNX", "convert_layer",
        LayerCall("", port.layer_call(call)),
    )


def attribute(port: Conversion, node: ast.Attribute) -> Iterator[Finding]:
    """What is read from a layer, and is something else in the part that it becomes."""
    for value in ordered(port.model.infer(node.value)):
        of = value.of if isinstance(value, Instance) else None
        name = of.name if isinstance(of, External) else ""
        if name in layers() and any(
            node.attr in others and layers()[name].name.startswith(start)
            for start, others in LAYER_ATTRIBUTES.items()
        ):
            yield port.blocked("JXP403", node, f"`{node.attr}` of `{name}` is read",
                               "the layer of the port keeps something else there, or nothing")
            return
