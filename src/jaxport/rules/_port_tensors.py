"""What tensors can do and JAX arrays can't: changes in place, control flow, gradient switches."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from jaxport.findings import Edit, Finding, Position, Span
from jaxport.plans import FormCall
from jaxport.rules import _port_classes
from jaxport.rules._conversion import Conversion
from jaxport.semantics.aliases import Aliases
from jaxport.semantics.kinds import chosen
from jaxport.semantics.values import External, Instance
from jaxport.tables.constants import TENSOR_ATTRIBUTES
from jaxport.tables.forms import Row, called_parts, needed_modules, rows
from jaxport.tables.parts import layers
from jaxport.tables.weights import has_property

_TORCH_ATTRIBUTES = frozenset({
    "grad", "requires_grad", "is_cuda", "is_leaf", "layout", "grad_fn", "is_sparse", "names",
})  # fmt: skip
_OPERATIONS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
}  # fmt: skip
_SWITCHES = ("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad")
# Contexts that choose how torch computes, not what.
_BACKENDS = ("torch.nn.attention.sdpa_kernel", "torch.backends.cuda.sdp_kernel")
_IN_PLACE = "a tensor is changed in place, and JAX arrays never change"
_FLOW = "a value decides what runs, and a traced module has no values"


def convert(port: Conversion) -> list[Finding]:
    if not port.speaks_torch:
        return []
    aliases = Aliases(port.kinds)
    found: list[Finding] = []
    for statement in ast.walk(port.model.source.tree):
        match statement:
            case ast.Assign():
                found += _assign(port, aliases, statement)
            case ast.AugAssign():
                found += _augmented(port, aliases, statement)
            case ast.Expr(value=ast.Call() as call):
                found += _in_place_call(port, aliases, statement, call)
            case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
                found += _control_flow(port, statement)
            case ast.With():
                found += _with(port, statement)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found += _decorators(port, statement)
            case ast.Call(func=ast.Name(id="int" | "float" | "bool"), args=[argument]):
                if port.kinds.is_tensor(argument) and _runs_traced(port, statement):
                    found.append(port.blocked("JXP503", statement, _FLOW,
                                              "compute with the array instead"))
            case ast.Call(func=ast.Attribute() as func):
                found += _in_place_value(port, statement, func)
            case ast.Attribute(ctx=ast.Load()):
                found += _attribute(port, statement)
    return found


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
    message = f"`{node.attr}` of a tensor is written differently in JAX"
    if form is None:
        if node.attr in _TORCH_ATTRIBUTES:
            yield port.blocked("JXP005", node, f"`{node.attr}` is an attribute of torch tensors",
                               "JAX arrays have none")
        return
    rest = form.removeprefix("{self}")
    if rest != f".{node.attr}":
        span = Span(port.span(node.value).end, port.span(node).end)
        yield port.text("JXP902", node, message, [Edit(span, rest)])


# Changes in place


def _assign(port: Conversion, aliases: Aliases, statement: ast.Assign) -> Iterator[Finding]:
    for target in statement.targets:
        if isinstance(target, ast.Subscript) and port.kinds.is_tensor(target.value):
            yield from _item_assigned(port, aliases, statement, target)
        elif isinstance(target, ast.Attribute):
            yield from _attribute_assigned(port, statement, target)
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
        return aliases.why_seen(base, statement)
    if isinstance(base, ast.Attribute):
        return "" if _plain_attribute(base) else "what it is an attribute of is computed"
    return "the tensor is a view of another one"


def _plain_attribute(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.attr not in ("data", "T", "grad", "weight")


def _attribute_assigned(
    port: Conversion, statement: ast.Assign, target: ast.Attribute
) -> Iterator[Finding]:
    """A Variable keeps its place: a new value is put into it."""
    sort = _port_classes.variable(port, target) if port.module_class(target) else ""
    if sort and not port.kinds.makes_variable(statement.value):
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
        if not made_target:
            yield port.blocked("JXP501", statement, _IN_PLACE, "what it belongs to is unknown")
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
        for item in port.kinds.narrowed(node):
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


def _augmented(port: Conversion, aliases: Aliases, statement: ast.AugAssign) -> Iterator[Finding]:
    target = statement.target
    if isinstance(target, ast.Name):
        found = port.model.lookup(target, target.id)
        own = next((item for item in found if item.node is statement), None)
        bindings = port.model.lookup(target, target.id, without=own)
        tensor = any(kind.name == "tensor" for item in bindings
                     for kind in port.kinds._binding(item))
        if tensor:
            load = ast.Name(target.id, ast.Load())
            port.model.walk.where[load] = port.model.walk.where.get(
                target, (port.model.walk.module, ()))
            load.lineno = target.lineno
            port.model.walk.parents[load] = statement
            reason = aliases.why_seen(load, statement)
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


def _in_place_call(
    port: Conversion, aliases: Aliases, statement: ast.Expr, call: ast.Call
) -> Iterator[Finding]:
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
    if not reason and isinstance(bare, ast.Name):
        reason = aliases.why_seen(bare, statement)
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
    yield _assigned_form(port, call, row, method, f"{assigned} = ", key, message)


def _assigned_form(
    port: Conversion, call: ast.Call, row: Row, method: bool, prefix: str, key: str, message: str
) -> Finding:
    used = called_parts(row.jax)
    plan = FormCall(row.jax, row.parameters, method, key,
                    tuple((item, port.part_name(item)) for item in used), prefix,
                    port.is_operand(call))
    return port.planned("JXP501", call, message, "convert_form", plan, needed_modules(row.jax))


def _is_in_place(method: str) -> bool:
    return method.endswith("_") and not method.endswith("__") and not method.startswith("_")


def _in_place_value(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
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
    if not isinstance(func.value, (ast.Call, ast.BinOp)):
        yield port.blocked("JXP501", call, message, "its result is used as well")
        return
    yield _assigned_form(port, call, row, True, "", key, message)


# Control flow


def _runs_traced(port: Conversion, node: ast.AST) -> bool:
    """Whether the node runs when the model does: in a method of a module, but for `__init__`."""
    if port.module_class(_some_expression(node)) is None:
        return False
    for outer in port.model.walk.ancestors(node):
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return outer.name != "__init__"
    return False


def _some_expression(node: ast.AST) -> ast.AST:
    return next((item for item in ast.walk(node) if isinstance(item, ast.expr)), node)


def _control_flow(
    port: Conversion, node: ast.If | ast.While | ast.IfExp | ast.Assert
) -> Iterator[Finding]:
    tests = [node.test]
    while tests:
        test = tests.pop()
        match test:
            case ast.BoolOp(values=values):
                tests += values
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                tests.append(operand)
            case _:
                if port.kinds.is_tensor(test) and _runs_traced(port, node):
                    yield port.blocked("JXP502", test, _FLOW,
                                       "`jnp.where`, `jax.lax.cond` or `jax.lax.while_loop` do")


# Gradients


def _with(port: Conversion, node: ast.With) -> Iterator[Finding]:
    names = [_switch(port, item.context_expr) for item in node.items]
    if not any(names):
        return
    message = "JAX computes gradients only where it is asked to"
    for item in node.items:
        for inner in ast.walk(item.context_expr):
            port.covered.add(inner)
    if len(node.items) > 1 or node.body[0].lineno == node.lineno:
        yield port.blocked("JXP702", node, message, "it stands among other contexts")
        return
    if any(isinstance(item, ast.Return) for item in ast.walk(node)) and _differentiated(
        port, node
    ):
        wrapped = [item for item in ast.walk(node) if isinstance(item, ast.Return)]
    else:
        wrapped = []
    only_computes = names[0] not in _SWITCHES
    edits = dedented(port, node)
    if edits is None:
        yield port.blocked("JXP702", node, message, "a text in it goes over several lines")
        return
    jax = port.spelled("jax", node.items[0].context_expr)
    if only_computes:
        yield port.text("JXP702", node, "JAX chooses itself how it computes", edits)
        return
    for result in wrapped:
        if result.value is not None:
            edits += [port.before(result.value, f"{jax}.lax.stop_gradient("),
                      port.after(result.value, ")")]
    if _differentiated(port, node):
        held = [item for item in ast.walk(node) if isinstance(item, ast.Attribute)
                and isinstance(item.ctx, ast.Store)]
        if held:
            yield port.blocked("JXP702", node, message,
                               f"`{ast.unparse(held[0])}` would carry its gradient on")
            return
        kept = _read_later(port, node)
        if kept:
            text = ", ".join(kept)
            value = text if len(kept) == 1 else f"({text})"
            line = port.model.source.newline(node.lineno) + port.indent(node.lineno)
            edits.append(port.after(node, f"{line}{text} = {jax}.lax.stop_gradient({value})"))
    yield port.text("JXP702", node, message, edits, ("jax",))


def _switch(port: Conversion, node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    name = port.model.qualified(function) or ""
    if name.endswith("autocast") and name.startswith("torch.") and isinstance(node, ast.Call):
        off = any(item.arg == "enabled" and isinstance(item.value, ast.Constant)
                  and item.value.value is False for item in node.keywords)
        return name if off else ""
    return name if name in _SWITCHES or name in _BACKENDS else ""


def _differentiated(port: Conversion, node: ast.With) -> bool:
    """Whether what the block computes could be differentiated: in a module, beside a loss."""
    if port.module_class(node.items[0].context_expr) is not None:
        return True
    scope, _ = port.model.walk.where[node.items[0].context_expr]
    function = scope.function()
    inside = ast.walk(function.node) if function is not None else ast.walk(port.model.source.tree)
    return any(
        isinstance(item, ast.Attribute) and item.attr in ("backward", "manual_backward")
        for item in inside
    )


def _read_later(port: Conversion, node: ast.With) -> list[str]:
    """The names that the block gives a tensor and that are read behind it."""
    bound = dict.fromkeys(
        item.id for statement in node.body for item in ast.walk(statement)
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
    )
    scope, _ = port.model.walk.where[node.items[0].context_expr]
    function = scope.function()
    holder = function.node if function is not None else port.model.source.tree
    end = node.end_lineno or node.lineno
    return [
        name for name in bound
        if any(
            isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load)
            and item.lineno > end and not port.kinds.names(item) & {"int", "float", "str", "bool"}
            for item in ast.walk(holder)
        )
    ]


def dedented(port: Conversion, node: ast.With) -> list[Edit] | None:
    """The edits that take the `with` away and move its block to the left."""
    source = port.model.source
    outer = port.indent(node.lineno)
    first = node.body[0]
    row = min([first.lineno, *(item.lineno for item in getattr(first, "decorator_list", []))])
    deeper = port.indent(row)
    extra = len(deeper) - len(outer)
    end = node.end_lineno or node.lineno
    if extra <= 0 or _has_long_string(source.lines[row - 1 : end]):
        return None
    edits = [Edit(Span(Position(node.lineno, 0), Position(row, 0)), "")]
    start = Span(Position(node.lineno, 0), Position(row, len(outer) + extra))
    edits = [Edit(start, outer)]
    for line in range(row + 1, end + 1):
        text = source.lines[line - 1]
        if text.startswith(deeper):
            at = Span(Position(line, len(outer)), Position(line, len(deeper)))
            edits.append(Edit(at, ""))
    return edits


def _has_long_string(lines: list[str]) -> bool:
    text = "if True:\n" + "".join(lines)
    try:
        return any(
            token.type == tokenize.STRING and token.start[0] != token.end[0]
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
        )
    except (tokenize.TokenError, SyntaxError):
        return True


def _decorators(
    port: Conversion, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Finding]:
    for item in node.decorator_list:
        name = _switch(port, item)
        if name and name not in _SWITCHES:
            for inner in ast.walk(item):
                port.covered.add(inner)
            last = len(port.model.source.lines[(item.end_lineno or item.lineno) - 1])
            line = Span(Position(item.lineno, 0), Position(item.end_lineno or item.lineno, last))
            yield port.text("JXP702", item, "JAX chooses itself how it computes",
                            [Edit(line, "")])
        elif name:
            for inner in ast.walk(item):
                port.covered.add(inner)
            yield port.text(
                "JXP702", item, "JAX computes gradients only where it is asked to",
                [port.replaced(item, port.part_name("no_grad"))], used=("no_grad",),
            )  # fmt: skip
