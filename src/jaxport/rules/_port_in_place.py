"""Changes in place: a new array is assigned instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import _port_classes
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_forms import written
from jaxport.semantics.aliases import Aliases
from jaxport.semantics.kinds.names import narrowed
from jaxport.semantics.kinds.overloads import chosen
from jaxport.semantics.kinds.variables import makes_variable
from jaxport.semantics.values import External, Instance
from jaxport.tables.forms import rows
from jaxport.tables.parts import layers
from jaxport.tables.weights import has_property

_OPERATIONS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
}  # fmt: skip
_IN_PLACE = "a tensor is changed in place, and JAX arrays never change"


def assigned(port: Conversion, aliases: Aliases, statement: ast.Assign) -> Iterator[Finding]:
    """`x[i] = y`, `x.data = y` and the like."""
    for target in statement.targets:
        if isinstance(target, ast.Subscript) and port.kinds.is_tensor(target.value):
            yield from _item_assigned(port, aliases, statement, target)
        elif isinstance(target, ast.Attribute):
            yield from _attribute_assigned(port, aliases, statement, target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for item in target.elts:
                if isinstance(item, ast.Subscript) and port.kinds.is_tensor(item.value):
                    yield port.blocked("JXP501", item, _IN_PLACE, "it is one of several targets")


def _item_assigned(
    port: Conversion, aliases: Aliases, statement: ast.Assign, target: ast.Subscript
) -> Iterator[Finding]:
    base = target.value
    if isinstance(base, ast.Attribute) and _port_classes.variable(port, base):
        return  # a Variable takes items
    reason = _why_not(port, aliases, statement, base)
    if not reason and (len(statement.targets) > 1 or isinstance(statement.value, ast.Tuple)):
        reason = "it has several targets"
    if reason:
        yield port.blocked("JXP501", statement, _IN_PLACE, reason)
        return
    text = port.source(base)
    message = "an item is set with `.at[…].set(…)`"
    if not _is_basic(port, target.slice) and not isinstance(target.slice, ast.Tuple) and (
        port.kinds.names(statement.value) - {"int", "float", "bool"}
        or not port.kinds.of(statement.value)
    ):
        name = port.part_name("set_items")
        edits = [
            port.before(statement, f"{text} = {name}("), port.between(base, target.slice, ", "),
            *port.passed(target.slice, statement.value, ", "),
        ]  # fmt: skip
        yield port.text("JXP501", statement, message, edits, used=("set_items",))
        return
    edits = [
        port.before(statement, f"{text} = "), port.after(base, ".at"),
        *port.passed(target, statement.value, ".set("),
    ]  # fmt: skip
    yield port.text("JXP501", statement, message, edits)


def _why_not(port: Conversion, aliases: Aliases, statement: ast.stmt, base: ast.expr) -> str:
    if isinstance(base, ast.Name):
        scope, _ = port.model.walk.where.get(base, (port.model.walk.module, ()))
        if base.id in scope.elsewhere:
            return "the name is global"
        return aliases.why_seen(statement)
    if isinstance(base, ast.Attribute):
        plain = _plain_attribute(base)
        return aliases.why_seen(statement) if plain else "what it is an attribute of is computed"
    return "the tensor is a view of another one"


def _plain_attribute(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.attr not in ("data", "T", "grad", "weight")


def _attribute_assigned(
    port: Conversion, aliases: Aliases, statement: ast.Assign, target: ast.Attribute
) -> Iterator[Finding]:
    """A Variable keeps its place: a new value is put into it."""
    sort = _port_classes.variable(port, target) if port.module_class(target) else ""
    if sort and not makes_variable(port.model, statement.value):
        if isinstance(statement.value, ast.Constant) and statement.value.value is None:
            return
        if sort == "parameter" or len(statement.targets) > 1:
            yield port.blocked("JXP409", statement, "a parameter is replaced by another value",
                               "NNX would no longer train it")
            return
        yield port.text(
            "JXP409", statement, "a new value is put into the buffer's Variable",
            port.passed(target, statement.value, ".set_value("),
        )  # fmt: skip
    elif target.attr in ("weight", "bias") and not sort and _layer_names(port, target.value):
        yield _tied(port, statement, target)
    elif target.attr == "data" and port.kinds.may_be_tensor(target.value):
        made_target = _target(port, target.value)
        reason = aliases.why_seen(statement) if made_target else "what it belongs to is unknown"
        if reason:
            yield port.blocked("JXP501", statement, _IN_PLACE, reason)
            return
        yield port.text("JXP501", statement, "the value of a Variable is assigned",
                        [port.replaced(target, made_target)])
    elif target.attr in ("requires_grad", "grad") and port.kinds.may_be_tensor(target.value):
        yield port.blocked("JXP702", statement, f"`{target.attr}` belongs to torch's autograd",
                           "JAX differentiates functions")


def _tied(port: Conversion, statement: ast.Assign, target: ast.Attribute) -> Finding:
    """`head.weight = tokens.weight`: one parameter of two layers."""
    message = "two layers share a parameter"
    value = statement.value
    if not isinstance(value, ast.Attribute) or (value.attr != "weight" != target.attr and (
        len(statement.targets) > 1
    )):
        return port.blocked("JXP409", statement, message, "what it becomes can't be told")
    one, other = _layer_names(port, target.value), _layer_names(port, value.value)
    holder, giver = port.source(target.value), port.source(value.value)
    name = port.part_name("TiedLinear")
    if one == {"Linear"} and other == {"Embedding"}:
        text = f"{holder} = {name}({giver}.embedding, {holder}.bias)"
        return port.text("JXP409", statement, message, [port.replaced(statement, text)],
                         used=("TiedLinear",))
    if one == {"Embedding"} and other == {"Linear"}:
        line = port.model.source.newline(statement.lineno) + port.indent(statement.lineno)
        text = (f"{holder}.embedding[...] = {giver}.kernel[...].T{line}"
                f"{giver} = {name}({holder}.embedding, {giver}.bias)")
        return port.text("JXP409", statement, message, [port.replaced(statement, text)],
                         used=("TiedLinear",))
    if one == other and one in ({"Linear"}, {"Embedding"}):
        ours = "kernel" if one == {"Linear"} else "embedding"
        text = f"{holder}.{ours} = {giver}.{ours}"
        return port.text("JXP409", statement, message, [port.replaced(statement, text)])
    return port.blocked("JXP409", statement, message,
                        "Flax's layers keep it in different layouts")


def _target(port: Conversion, node: ast.expr) -> str:
    """How a new value is assigned to what `node` reads; empty where that can't be told."""
    if isinstance(node, ast.Attribute) and node.attr == "data":
        node = node.value
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return ""
    text = port.source(node)
    if _port_classes.variable(port, node):
        return f"{text}[...]"
    classes = _layer_names(port, node.value)
    if not classes:
        return ""
    properties = {has_property(name, node.attr) for name in classes}
    if len(properties) > 1:
        return ""
    return text if properties.pop() else f"{text}[...]"


def _layer_names(port: Conversion, node: ast.expr) -> set[str]:
    """The parts that the module can be, all of them or none."""
    found: set[str] = set()
    if isinstance(node, ast.Name):
        for item in narrowed(port.model, node):
            name = port.model.qualified(item) or ""
            if name not in layers():
                return set()
            found.add(layers()[name].name)
        if found:
            return found
    for value in port.model.infer(node):
        of = value.of if isinstance(value, Instance) else None
        if isinstance(of, External) and of.name in layers():
            found.add(layers()[of.name].name)
        else:
            return set()
    return found


def augmented(port: Conversion, aliases: Aliases, statement: ast.AugAssign) -> Iterator[Finding]:
    """`x += y` of a tensor, of a Variable or of items."""
    target = statement.target
    reason = aliases.why_seen(statement)
    if reason:
        yield port.blocked("JXP501", statement, _IN_PLACE, reason)
    elif isinstance(target, ast.Attribute):
        if _port_classes.variable(port, target):
            yield port.text("JXP501", statement, "the value of a Variable is `[...]`",
                            [port.after(target, "[...]")])
        elif target.attr in ("weight", "bias", "data", "grad") and port.kinds.may_be_tensor(target):
            yield port.blocked("JXP501", statement, _IN_PLACE, "it belongs to another module")
    elif isinstance(target, ast.Subscript) and port.kinds.is_tensor(target.value):
        yield from _item_augmented(port, aliases, statement, target)


def _item_augmented(
    port: Conversion, aliases: Aliases, statement: ast.AugAssign, target: ast.Subscript
) -> Iterator[Finding]:
    base = target.value
    if isinstance(base, ast.Attribute) and _port_classes.variable(port, base):
        return
    method = _OPERATIONS.get(type(statement.op))
    reason = _why_not(port, aliases, statement, base)
    if not reason and method is None:
        reason = "`.at` has no such operation"
    if not reason and not _is_basic(port, target.slice):
        # torch's `x[i] += v` writes a place that `i` names twice only once, `.at[].add` adds twice.
        reason = "its index may name a place twice"
    if reason:
        yield port.blocked("JXP501", statement, _IN_PLACE, reason)
        return
    text = port.source(base)
    edits = [
        port.before(statement, f"{text} = "), port.after(base, ".at"),
        *port.passed(target, statement.value, f".{method}("),
    ]  # fmt: skip
    yield port.text("JXP501", statement, f"an item is changed with `.at[…].{method}(…)`", edits)


def _is_basic(port: Conversion, index: ast.expr) -> bool:
    items = index.elts if isinstance(index, ast.Tuple) else [index]
    return all(
        isinstance(item, (ast.Slice, ast.Constant))
        or (isinstance(item, ast.UnaryOp) and isinstance(item.operand, ast.Constant))
        or port.kinds.names(item) == {"int"}
        for item in items
    )


def called(port: Conversion, aliases: Aliases, call: ast.Call) -> Iterator[Finding]:
    """`x.add_(y)` and `nn.init.zeros_(w)` as statements: the new value is assigned."""
    name = port.model.qualified(call.func) or ""
    if name.startswith("torch.nn.init.") and name.endswith("_") and call.args:
        overloads, target, method = rows().get(name, ()), call.args[0], False
        port.cover(call.func)
    elif isinstance(call.func, ast.Attribute) and _is_in_place(call.func.attr):
        if call.func.attr in ("requires_grad_", "zero_grad_"):
            return
        overloads = rows().get(f"Tensor.{call.func.attr}", ())
        target, method = call.func.value, True
        if not overloads and not port.kinds.may_be_tensor(target):
            return
        if port.kinds.names(target) - {"tensor", "none"}:
            return
    else:
        return
    message = f"`{ast.unparse(call.func)}` changes a tensor in place"
    row = chosen(port.kinds, overloads, call, method) if overloads else None
    if row is None:
        yield port.blocked("JXP501", call, message, "this form of it has no counterpart")
        return
    assigned = _target(port, target)
    bare = target.value if isinstance(target, ast.Attribute) and target.attr == "data" else target
    reason = "" if assigned else "what it belongs to can't be told"
    reason = reason or aliases.why_seen(call)
    if not reason and isinstance(bare, ast.Subscript):
        reason = "the tensor is a view of another one"
    key = port.random.keys.get(call, "")
    if not reason and "{key}" in row.jax and not key:
        reason = "where its random numbers come from can't be seen"
    if reason:
        yield port.blocked("JXP501", call, message, reason)
        return
    if assigned.endswith("[...]"):
        yield port.text("JXP408", bare, "the value of a Variable is `[...]`",
                        [port.after(bare, "[...]")])
    yield written(port, "JXP501", call, row, method, message, f"{assigned} = ")


def _is_in_place(method: str) -> bool:
    return method.endswith("_") and not method.endswith("__") and not method.startswith("_")


def given_on(
    port: Conversion, aliases: Aliases, call: ast.Call, func: ast.Attribute
) -> Iterator[Finding]:
    """`y = x.add_(1)`: the value as it would be, where `x` is something new that nobody keeps."""
    if isinstance(port.model.walk.parents.get(call), ast.Expr) or not _is_in_place(func.attr):
        return
    overloads = rows().get(f"Tensor.{func.attr}", ())
    if not overloads or not port.kinds.is_tensor(func.value):
        return
    message = f"`{func.attr}` changes a tensor in place"
    row = chosen(port.kinds, overloads, call, True)
    key = port.random.keys.get(call, "")
    if row is None or ("{key}" in row.jax and not key):
        yield port.blocked("JXP501", call, message, "this form of it has no counterpart")
        return
    new = isinstance(func.value, (ast.Call, ast.BinOp))
    reason = aliases.why_seen(call) if new else "its result is used as well"
    if reason:
        yield port.blocked("JXP501", call, message, reason)
        return
    yield written(port, "JXP501", call, row, True, message)


def given_to(port: Conversion, aliases: Aliases, call: ast.Call) -> Iterator[Finding]:
    """`F.relu(x, inplace=True)` or `self.act(x)`: what is changed is read no more."""
    name = port.model.qualified(call.func) or ""
    if name.startswith("torch.nn.init.") or (not name and isinstance(call.func, ast.Attribute) and (
        _is_in_place(call.func.attr)
    )):
        return
    reason = aliases.why_seen(call)
    if reason:
        yield port.blocked("JXP501", call, f"`{ast.unparse(call.func)}` changes a tensor in place",
                           reason)
