"""Where torch's gradients end: in `no_grad`, and in what `.data` reads and writes.

In a region without gradients whatever leaves it is a constant: what it returns, what is read behind
it, what it puts into a container, an attribute or a tensor of before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Edit, Finding
from jaxport.rules import _port_classes
from jaxport.rules._conversion import Conversion
from jaxport.semantics.kinds.kind import Kinds
from jaxport.semantics.kinds.names import bound_by
from jaxport.semantics.scopes import Binding
from jaxport.semantics.values import Instance, LocalClass, LocalFunction

NO_GRAD = ("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_PLAIN = {"int", "float", "bool", "str", "none", "dtype", "device", "function", "class", "numpy",
          "module"}  # fmt: skip
_KEEPS = frozenset({
    "append", "appendleft", "extend", "insert", "add", "update", "setdefault", "put",
})  # fmt: skip
# Functions that make a tensor without a gradient, whatever they are given.
_CONSTANT = frozenset({
    "zeros", "ones", "empty", "full", "eye", "arange", "linspace", "tensor", "rand", "randn",
    "randint", "randperm", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like",
    "randn_like", "new_zeros", "new_ones", "new_empty", "new_full", "detach", "argmax", "argmin",
})  # fmt: skip
_OF_COUNTS = frozenset({"float", "int", "long", "sum", "mean", "any", "all", "item", "cpu"})
# What gives the tensor itself where there is nothing to do.
_SAME = frozenset({"contiguous", "to", "cuda", "cpu", "float", "double", "half", "long", "type",
                   "type_as"})  # fmt: skip
# What is asked of a tensor that has nothing to do with its values.
_ASKED = frozenset({"shape", "ndim", "dtype", "device", "size", "dim", "numel"})
_DATA = "`data` is the value without its gradient"
_MESSAGE = "torch computes no gradient here"
_KEEPS_ITS_OWN = "torch keeps the gradient that it had before, and JAX would not"


# Regions


def is_without(port: Conversion, node: ast.AST) -> bool:
    """Whether the node is in a block or a function without gradients that others could take."""
    for outer in port.model.walk.ancestors(node):
        if isinstance(outer, ast.With) and _switches_off(port, outer):
            return is_differentiated(port, outer)
        if isinstance(outer, _Function):
            if outer.name == "__init__":
                return False
            if any(_is_no_grad(port, item) for item in outer.decorator_list):
                return True
    return False


def _switches_off(port: Conversion, node: ast.With) -> bool:
    return any(_is_no_grad(port, item.context_expr) for item in node.items)


def _is_no_grad(port: Conversion, node: ast.expr) -> bool:
    function = node.func if isinstance(node, ast.Call) else node
    return (port.model.qualified(function) or "") in NO_GRAD


def is_differentiated(port: Conversion, node: ast.With) -> bool:
    """Whether what the block computes could be differentiated: in a function, beside a loss."""
    if port.module_class(node.items[0].context_expr) is not None:
        return not _is_first(port, node)
    code = holder(port, node)
    called = {item.attr for item in ast.walk(code) if isinstance(item, ast.Attribute)}
    if called & {"backward", "manual_backward"}:
        return True
    # Numbers can't be taken out of what is differentiated.
    return not isinstance(code, ast.Module) and not called & {"item", "tolist", "eval"}


def holder(port: Conversion, node: ast.With) -> ast.AST:
    """The function that the block stands in, or the file."""
    scope, _ = port.model.walk.where[node.items[0].context_expr]
    function = scope.function()
    return function.node if function is not None else port.model.source.tree


def _is_first(port: Conversion, node: ast.AST) -> bool:
    """Whether the node runs when the module is made."""
    return any(isinstance(outer, _Function) and outer.name == "__init__"
               for outer in port.model.walk.ancestors(node))


def stopped(port: Conversion, node: ast.expr) -> tuple[list[Edit], tuple[str, ...]]:
    """The edits that stop the gradient of the value, and the part that they need."""
    used: tuple[str, ...] = ()
    head = f"{port.spelled('jax', node)}.lax.stop_gradient("
    if port.kinds.names(node) != {"tensor"}:
        head, used = f"{port.part_name('stopped')}(", ("stopped",)
    bare = isinstance(node, ast.Tuple) and not port.source(node).startswith("(")
    return [port.before(node, head + "(" * bare), port.after(node, ")" * (1 + bare))], used


# What leaves a region


def stored(port: Conversion, statement: ast.stmt) -> Iterator[Finding]:
    """What the statement puts where it outlives a region, or through `.data`."""
    target, values = _written(statement)
    if target is None or _is_first(port, statement):
        return
    through_data = any(isinstance(item, ast.Attribute) and item.attr == "data"
                       and port.kinds.may_be_tensor(item.value) for item in _chain(target))
    if not through_data and not is_without(port, statement):
        return
    base = _owner(target)
    rebinds = isinstance(statement, ast.Assign) and isinstance(target, ast.Attribute)
    if isinstance(base, ast.Name) and not through_data and _is_new(port, base, statement):
        return  # what is read behind the region is stopped there
    if not _is_tensor(port, base, target) and isinstance(statement, ast.Expr) and (
        not isinstance(statement.value, ast.Call)
        or not isinstance(statement.value.func, ast.Attribute)
        or statement.value.func.attr not in _KEEPS
    ):
        return
    if isinstance(target, ast.Name) and isinstance(statement, ast.AugAssign) and (
        not _is_tensor(port, base, target)
    ):
        return  # a number that becomes a tensor
    values = [value for value in values
              if _may_hold_tensor(port.kinds.of(value)) and not _is_count(value)]
    if (not rebinds or through_data) and _is_tensor(port, base, target) and (
        _has_gradient(port, base, statement)
    ):
        yield port.blocked("JXP702", statement, f"`{ast.unparse(base)}` gets a new value without "
                           "a gradient", _KEEPS_ITS_OWN)
        return
    copies = not rebinds and _is_tensor(port, base, target)
    for value in values:
        if not copies and not through_data and is_kept_whole(port, value, statement):
            continue
        if not copies and not through_data and _may_be_kept(port, value, statement):
            yield port.blocked("JXP702", value, _MESSAGE,
                               "a part of it may be a tensor of before, which keeps its gradient")
            continue
        edits, used = stopped(port, value)
        yield port.text("JXP702", value, _MESSAGE, edits, () if used else ("jax",), used)


def _written(statement: ast.stmt) -> tuple[ast.expr | None, list[ast.expr]]:
    """What the statement changes, and the values that it puts there."""
    match statement:
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target], value=value):
            return target, [value]
        case ast.AugAssign(target=target, value=value):
            return target, [value]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr=name)) as call) if (
            name in _KEEPS or (name.endswith("_") and not name.endswith("__"))
        ):
            while isinstance(target, ast.Call) and isinstance(target.func, ast.Attribute) and (
                target.func.attr.endswith("_")
            ):
                target = target.func.value
            return target, [*call.args, *(item.value for item in call.keywords)]
    return None, []


def _chain(node: ast.expr) -> Iterator[ast.expr]:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        yield node
        node = node.value
    yield node


def _owner(target: ast.expr) -> ast.expr:
    """The name or attribute that holds what is changed: `x` of `x.data[0]`."""
    while isinstance(target, ast.Subscript) or (
        isinstance(target, ast.Attribute) and target.attr == "data"
    ):
        target = target.value
    return target


def _is_tensor(port: Conversion, base: ast.expr, target: ast.expr) -> bool:
    if isinstance(base, ast.Attribute) and _port_classes.variable(port, base):
        return True
    if isinstance(base, ast.Name) and isinstance(base.ctx, ast.Store):
        return any(kind.name == "tensor" for item in _before(port, base)
                   for kind in bound_by(port.kinds, item))
    return port.kinds.may_be_tensor(base)


def _is_count(node: ast.expr) -> bool:
    """Whether the value says how numbers compare, which has no gradient: `(a == b).float()`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and (
        node.func.attr in _OF_COUNTS
    ):
        node = node.func.value
    return isinstance(node, (ast.Compare, ast.Constant)) or (
        isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("argmax", "argmin")
    )


def _before(port: Conversion, name: ast.Name) -> list[Binding]:
    """What binds the name, but for an operation in place of its own."""
    statement = port.model.walk.parents.get(name)
    found = port.model.lookup(name, name.id)
    own = next((item for item in found if item.node is statement), None)
    return [item for item in port.model.lookup(name, name.id, without=own) if item is not own]


def _may_hold_tensor(kinds: Kinds) -> bool:
    """Whether the value can be a tensor, or something that holds one."""
    if not kinds:
        return True
    return any(
        kind.name not in _PLAIN
        and (kind.name not in ("sequence", "mapping") or not (kind.places or kind.each)
             or _may_hold_tensor(kind.each.union(*kind.places)))
        for kind in kinds
    )


def _is_new(port: Conversion, name: ast.Name, statement: ast.stmt) -> bool:
    """Whether the region itself gives the name its value."""
    region = next((outer for outer in port.model.walk.ancestors(statement)
                   if isinstance(outer, _Function)
                   or (isinstance(outer, ast.With) and _switches_off(port, outer))), None)
    bindings = _before(port, name)
    return region is not None and bool(bindings) and all(
        item.kind != "parameter" and region in port.model.walk.ancestors(item.node)
        for item in bindings
    )


def is_kept_whole(port: Conversion, node: ast.expr, statement: ast.stmt) -> bool:
    """Whether the value is one of before, with its gradient, and not computed in the region."""
    return isinstance(node, ast.Attribute) or (
        isinstance(node, ast.Name) and not _is_new(port, node, statement)
    )


def _may_be_kept(port: Conversion, node: ast.expr, statement: ast.stmt) -> bool:
    """Whether such a value is a part of this one, or what a call gives back as it was."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return any(is_kept_whole(port, item, statement)
                   and _may_hold_tensor(port.kinds.of(item)) for item in node.elts)
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr in _SAME and port.kinds.may_be_tensor(node.func.value)
        and is_kept_whole(port, node.func.value, statement)
    )


def _has_gradient(port: Conversion, base: ast.expr, statement: ast.stmt) -> bool:
    """Whether the tensor that is changed can have a gradient of before."""
    if isinstance(base, ast.Attribute):
        sort = _port_classes.variable(port, base)
        if sort == "buffer" or base.attr in ("running_mean", "running_var"):
            return False
        return _is_traced(port, statement)
    if not isinstance(base, ast.Name):
        return True
    if not _is_traced(port, statement):
        return False
    scope, _ = port.model.walk.where.get(base, (port.model.walk.module, ()))
    function = scope.function()
    for binding in _before(port, base):
        if binding.kind != "value" or not _is_constant(port, binding.node):
            return True
    return function is not None and any(
        isinstance(item, ast.stmt) and item is not statement
        and (found := _written(item)[0]) is not None and isinstance(_owner(found), ast.Name)
        and ast.unparse(_owner(found)) == base.id and not is_without(port, item)
        for item in ast.walk(function.node)
    )


def _is_constant(port: Conversion, node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _CONSTANT
        case ast.Constant():
            return True
        case ast.expr():
            return bool(port.kinds.names(node)) and port.kinds.names(node) <= _PLAIN
    return False


def _is_traced(port: Conversion, node: ast.AST) -> bool:
    """Whether the node can run inside of what is differentiated, by the names that are called."""
    functions = [item for item in ast.walk(port.model.source.tree) if isinstance(item, _Function)]
    reached: set[str] = set()
    queue: list[ast.AST] = [item for item in functions if _gives_value(port, item)]
    seen: set[ast.AST] = set()
    while queue:
        function = queue.pop()
        if function in seen:
            continue
        seen.add(function)
        for item in ast.walk(function):
            name = getattr(item, "attr", getattr(item, "id", ""))
            if name and name not in reached:
                reached.add(name)
                queue += [other for other in functions if other.name == name]
    return any(outer in seen for outer in port.model.walk.ancestors(node))


def _gives_value(port: Conversion, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is a method of a module that computes something."""
    return function.name != "__init__" and any(
        isinstance(item, ast.Return) and item.value is not None
        and not (isinstance(item.value, ast.Name) and item.value.id == "self")
        and port.module_class(item.value) is not None
        for item in ast.walk(function)
    )


def hidden(port: Conversion, region: ast.AST) -> Iterator[Finding]:
    """What a region stores in a way that no edit makes a constant: `self.a, self.b = f(x)`."""
    for item in ast.walk(region):
        if isinstance(item, (ast.Attribute, ast.Subscript)) and isinstance(item.ctx, ast.Store):
            parent = port.model.walk.parents[item]
            plain = isinstance(parent, ast.AugAssign) or (
                isinstance(parent, ast.Assign) and len(parent.targets) == 1
            )
            if not plain:
                yield port.blocked("JXP702", item, _MESSAGE,
                                   f"`{ast.unparse(item)}` would carry its gradient on")


def given_back(
    port: Conversion, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Finding]:
    """A tensor that the function returns as it was given, with its gradient."""
    for item in ast.walk(function):
        if not isinstance(item, ast.Return) or item.value is None:
            continue
        for part in item.value.elts if isinstance(item.value, ast.Tuple) else [item.value]:
            if isinstance(part, ast.Name) and port.kinds.may_be_tensor(part) and all(
                binding.kind == "parameter" for binding in port.model.lookup(part, part.id)
            ):
                yield port.blocked("JXP702", part, _MESSAGE,
                                   f"`{part.id}` is given back with the gradient that it had")


# Functions that a region calls


def called(port: Conversion, call: ast.Call) -> Iterator[Finding]:
    """A function that a region calls and that changes what others see, with gradients in JAX."""
    if not is_without(port, call):
        return
    for function in _functions(port, call):
        if any(_is_no_grad(port, item) for item in function.decorator_list):
            continue
        for item in ast.walk(function):
            target, values = _written(item) if isinstance(item, ast.stmt) else (None, [])
            if target is None or not isinstance(_owner(target), ast.Attribute):
                continue
            if any(_may_hold_tensor(port.kinds.of(value)) for value in values) and (
                not is_without(port, item)
            ):
                yield port.blocked("JXP702", call, _MESSAGE,
                                   f"`{ast.unparse(_owner(target))}` would carry its gradient on")
                return


def _functions(port: Conversion, call: ast.Call) -> Iterator[ast.FunctionDef]:
    """The functions of this file that the call runs."""
    for value in port.model.infer(call.func):
        match value:
            case LocalFunction():
                node = value.scope.node
                if isinstance(node, ast.FunctionDef):
                    yield node
            case Instance(of=LocalClass()):
                for _, info in port.model.local_classes(value):
                    for item in info.node.body:
                        if isinstance(item, ast.FunctionDef) and item.name in (
                            "forward", "__call__"
                        ):
                            yield item


# New tensors


def copies(port: Conversion, func: ast.expr) -> bool:
    """Whether calling it makes a tensor out of numbers: `torch.tensor`, `torch.FloatTensor`."""
    name = port.model.qualified(func) or ""
    return name == "torch.tensor" or (name.startswith("torch.") and name.endswith("Tensor")) or (
        isinstance(func, ast.Attribute) and func.attr == "new_tensor"
    )


def copied(port: Conversion, call: ast.Call) -> Iterator[Finding]:
    """`torch.tensor(x)` of a tensor, or of numbers that tensors hold: a constant."""
    data = call.args[0] if call.args else next(
        (item.value for item in call.keywords if item.arg == "data"), None)
    scope, _ = port.model.walk.where.get(call, (port.model.walk.module, ()))
    if data is None or scope.function() is None or _is_first(port, call) or (
        is_without(port, call)
    ):
        return
    items = data.elts if isinstance(data, (ast.List, ast.Tuple)) else [data]
    if not any(_holds_tensor(port.kinds.of(item)) or _is_unknown(port, item) for item in items):
        return
    spelled = port.spelled("jax", call)
    yield port.text("JXP702", call, "a new tensor has no gradient",
                    [port.before(call, f"{spelled}.lax.stop_gradient("), port.after(call, ")")],
                    ("jax",))


def _is_unknown(port: Conversion, node: ast.expr) -> bool:
    """Whether nothing is known of the value, in a module that computes."""
    return not port.kinds.of(node) and port.module_class(node) is not None and not (
        isinstance(node, ast.Attribute)
    )


def _holds_tensor(kinds: Kinds) -> bool:
    return any(
        kind.name == "tensor" or _holds_tensor(kind.each.union(*kind.places)) for kind in kinds
    )


# `.data`


def data(port: Conversion, node: ast.Attribute) -> Finding:
    """`x.data`: the value of `x`, as a constant."""
    is_variable = isinstance(node.value, ast.Attribute) and _port_classes.variable(port, node.value)
    value = "[...]" if is_variable else ""
    if _is_changed(port, node):
        return port.text("JXP902", node, _DATA, [port.behind(node.value, node, "")])
    if _needs_no_stop(port, node):
        return port.text("JXP902", node, _DATA, [port.behind(node.value, node, value)])
    spelled = port.spelled("jax", node)
    return port.text(
        "JXP702", node, _DATA,
        [port.before(node, f"{spelled}.lax.stop_gradient("),
         port.behind(node.value, node, f"{value})")],
        ("jax",),
    )  # fmt: skip


def _is_changed(port: Conversion, node: ast.Attribute) -> bool:
    """Whether the tensor is changed in place through `.data`, or has its value put there."""
    parent = port.model.walk.parents.get(node)
    match parent:
        case ast.Attribute(attr=name):
            return name.endswith("_") and not name.endswith("__")
        case ast.Subscript(ctx=ast.Store()):
            return True
    return port.random_target(node)


def _needs_no_stop(port: Conversion, node: ast.Attribute) -> bool:
    """Whether `.data` is read where no gradient can matter."""
    parent = port.model.walk.parents.get(node)
    if isinstance(parent, ast.Attribute) and parent.attr in _ASKED:
        return True
    return _is_first(port, node) or is_without(port, node) or any(
        isinstance(outer, ast.With) and _switches_off(port, outer)
        for outer in port.model.walk.ancestors(node)
    )
