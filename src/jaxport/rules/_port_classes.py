"""How a torch module becomes a Flax NNX module: base class, `forward`, `rngs`, mode, buffers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Edit, Finding, Position, Span
from jaxport.rules._conversion import Conversion
from jaxport.semantics.kinds.expressions import kinds_of
from jaxport.semantics.scopes import Class
from jaxport.semantics.values import External, LocalClass, ordered

_MODULE = ("torch.nn.Module", "torch.nn.modules.module.Module")
_HOOKS = {
    "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_backward_hook", "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook", "register_state_dict_pre_hook",
}  # fmt: skip
# What torch's Module does for a subclass by these names, and NNX does not.
_MAGIC = {
    "__setattr__", "__getattr__", "__delattr__", "_apply", "_load_from_state_dict",
    "_save_to_state_dict", "get_extra_state", "set_extra_state", "state_dict", "load_state_dict",
    "train", "parameters", "named_parameters", "add_module", "register_module",
}  # fmt: skip


def convert(port: Conversion) -> list[Finding]:
    return [*_classes(port), *_functions(port), *_modes(port), *_made(port)]


def _classes(port: Conversion) -> Iterator[Finding]:
    for info in port.model.walk.classes.values():
        if not port.is_module_class(info):
            continue
        yield from _bases(port, info)
        for item in info.node.body:
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from _method(port, info, item)
        yield from _beginning(port, info)
        yield from _variables(port, info)


def _bases(port: Conversion, info: Class) -> Iterator[Finding]:
    for base in info.node.bases:
        for value in port.model.infer(base):
            if isinstance(value, External) and value.name in _MODULE:
                port.cover(base)
                spelled = port.spelled("flax.nnx", base)
                yield port.text(
                    "JXP401", base, "the base class of a module is `flax.nnx.Module`",
                    [port.replaced(base, f"{spelled}.Module")], ("flax.nnx",),
                )  # fmt: skip


def _method(port: Conversion, info: Class, item: ast.AST) -> Iterator[Finding]:
    assert isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
    if item.name == "forward":
        line = port.model.source.lines[item.lineno - 1]
        start = line.index("forward", item.col_offset)
        span = Span(Position(item.lineno, start), Position(item.lineno, start + len("forward")))
        if any(isinstance(other, ast.FunctionDef) and other.name == "__call__"
               for other in info.node.body):
            yield port.blocked("JXP402", item, "`forward` is `__call__` in NNX",
                               "the class has a `__call__` of its own")
            return
        yield port.text("JXP402", item, "`forward` is `__call__` in NNX",
                        [Edit(span, "__call__")])
    elif item.name in _MAGIC:
        yield port.blocked("JXP407", item, f"`{item.name}` changes what torch's Module does",
                           "NNX has no such method to override")


def _first_statement(node: ast.FunctionDef | ast.ClassDef) -> ast.stmt | None:
    """The first statement behind the docstring."""
    body = node.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return body[0] if body else None


def _super_init(port: Conversion, info: Class) -> ast.Expr | None:
    """The statement `super().__init__()` of a direct subclass of torch's Module."""
    if not all(
        isinstance(value, External) and value.name in _MODULE
        for base in info.node.bases for value in port.model.infer(base)
    ) or not info.node.bases:
        return None
    for item in info.node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            for statement in item.body:
                match statement:
                    case ast.Expr(value=ast.Call(func=ast.Attribute(
                        value=ast.Call(func=ast.Name(id="super")), attr="__init__"
                    ), args=[], keywords=[])):
                        return statement
                    case ast.Expr(value=ast.Call(
                        func=ast.Attribute(attr="__init__") as func, args=[ast.Name(id="self")]
                    )) if port.model.qualified(func.value) in _MODULE:
                        return statement
    return None


def _beginning(port: Conversion, info: Class) -> Iterator[Finding]:
    """`super().__init__()` goes; what the class needs for randomness and its mode comes."""
    lines = ["self.rngs = rngs.fork()"] if info in port.random.keeps else []
    if _reads_training(port, info):
        first = _first_statement(info.node)
        if first is not None:
            indent = port.indent(first.lineno)
            row = min([first.lineno, *(item.lineno for item in
                                       getattr(first, "decorator_list", []))])
            yield port.text(
                "JXP405", info.node, "NNX keeps the mode of a module in `deterministic`",
                [port.line(row, f"{indent}deterministic = False  # train() and eval() set it"),
                 port.line(row, "")],
            )  # fmt: skip
    statement = _super_init(port, info)
    if statement is not None:
        for node in ast.walk(statement):
            port.covered.add(node)
        between = port.model.source.newline(statement.lineno) + port.indent(statement.lineno)
        edits = [port.replaced(statement, between.join(lines))] if lines else (
            port.removed(statement)
        )
        if edits is None:
            yield port.blocked("JXP406", statement, "NNX modules need no `super().__init__()`",
                               "other code stands on its line")
        else:
            yield port.text("JXP406", statement, "NNX modules need no `super().__init__()`",
                            edits)
        return
    if lines:
        function = next(item for item in info.node.body
                        if isinstance(item, ast.FunctionDef) and item.name == "__init__")
        first = _first_statement(function) or function.body[0]
        edits = [port.line(first.lineno, port.indent(first.lineno) + line) for line in lines]
        yield port.text("JXP404", function, "a module that draws random numbers keeps `rngs`",
                        edits)


def _reads_training(port: Conversion, info: Class) -> bool:
    if not any(
        isinstance(node, ast.Attribute) and node.attr == "training"
        and isinstance(node.value, ast.Name) and node.value.id == "self"
        for node in ast.walk(info.node)
    ):
        return False
    # A base class of the project that reads it has it for both.
    return not any(
        other is not info and any(
            isinstance(node, ast.Attribute) and node.attr == "training"
            for node in ast.walk(other.node)
        )
        for _, other in port.model.local_classes(LocalClass(port.model, info))
    )


def _variables(port: Conversion, info: Class) -> Iterator[Finding]:
    """Parameters and buffers are Variables: what reads one takes its value."""
    for node in (node for node in ast.walk(info.node) if isinstance(node, ast.Attribute)):
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            continue
        if variable(port, node) and isinstance(node.ctx, ast.Load):
            yield from read(port, node)


def variable(port: Conversion, node: ast.Attribute) -> str:
    """`parameter` or `buffer` where the attribute of an instance is one, else empty."""
    for value in ordered(port.model.infer(node.value)):
        of = getattr(value, "of", None)
        if isinstance(of, LocalClass):
            for model, info in port.model.local_classes(value):
                found = kinds_of(model).variables(info).get(node.attr, "")
                if found:
                    return found
    return ""


def read(port: Conversion, node: ast.Attribute) -> Iterator[Finding]:
    parent = port.model.walk.parents.get(node)
    match parent:
        case ast.Subscript(value=value) if value is node:
            return
        case ast.Attribute(attr="shape" | "ndim" | "dtype" | "device"):
            return
        case ast.Attribute(attr="data"):
            return
        case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
            return
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, of]) if "Param" in ast.unparse(of):
            return
        case ast.Attribute(attr=name) if name.endswith("_") and not name.startswith("__"):
            return  # in place: the statement is rewritten as a whole
    if port.random_target(node):
        return
    message = "the value of a Variable is `[...]`"
    computes = isinstance(
        parent, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Attribute, ast.AugAssign)
    )
    if "none" in port.kinds.names(node) and not computes and not _asked(port, node):
        text = port.source(node)
        asked = f"None if {text} is None else {text}[...]"
        plain = isinstance(parent, (ast.Call, ast.keyword, ast.Return, ast.Assign, ast.Tuple))
        yield port.text("JXP408", node, message,
                        [port.replaced(node, asked if plain else f"({asked})")])
        return
    yield port.text("JXP408", node, message, [port.after(node, "[...]")])


def _asked(port: Conversion, node: ast.Attribute) -> bool:
    """Whether an `if` around has asked whether it is None."""
    text = ast.unparse(node)
    _, blocks = port.model.walk.where[node]
    tests = [block.test for block in blocks if isinstance(block, ast.If)
             and block.body[0].lineno <= node.lineno <= (block.body[-1].end_lineno or 0)]
    return any(f"{text} is not None" in ast.unparse(test) or text in ast.unparse(test).split()
               for test in tests)


def _functions(port: Conversion) -> Iterator[Finding]:
    """`rngs` in the signatures and calls that pass it on."""
    for node, reason in port.random.blockers.items():
        yield port.blocked("JXP404", node, "random numbers are passed on as `rngs` in NNX", reason)
    for node, source in port.random.handed.items():
        functools = port.spelled("functools", node)
        yield port.text(
            "JXP404", node, "random numbers are passed on as `rngs` in NNX",
            [port.before(node, f"{functools}.partial("), port.after(node, f", rngs={source})")],
            ("functools",),
        )  # fmt: skip
    for unit in port.random.takes:
        if unit in port.random.blockers or isinstance(unit, ast.Module):
            continue
        yield port.text("JXP404", unit, "random numbers are passed on as `rngs` in NNX",
                        [_signature(port, unit)], ("flax.nnx",))
    for statement in port.random.makes:
        indent = port.indent(statement.lineno)
        row = min([statement.lineno, *(item.lineno for item in
                                       getattr(statement, "decorator_list", []))])
        spelled = port.spelled("flax.nnx", port.model.walk.calls[0])
        yield port.text("JXP601", statement, "NNX draws random numbers from `nnx.Rngs`",
                        [port.line(row, f"{indent}rngs = {spelled}.Rngs(0)")], ("flax.nnx",))


def _signature(port: Conversion, unit: ast.FunctionDef | ast.AsyncFunctionDef) -> Edit:
    """`*, rngs: nnx.Rngs` behind the parameters."""
    arguments = unit.args
    spelled = port.spelled("flax.nnx", port.model.walk.calls[0])
    new = f"rngs: {spelled}.Rngs"
    if arguments.kwarg is not None:
        # In front of `**kwargs`.
        star = port.span(arguments.kwarg).start
        at = Position(star.row, star.column - 2)
        star_needed = "" if arguments.vararg or arguments.kwonlyargs else "*, "
        return Edit(Span(at, at), f"{star_needed}{new}, ")
    last: ast.AST | None = None
    positional = [*arguments.posonlyargs, *arguments.args]
    candidates: list[ast.AST] = [
        *positional, *arguments.kwonlyargs, *(item for item in arguments.kw_defaults if item),
        *arguments.defaults, *([arguments.vararg] if arguments.vararg else []),
    ]
    if candidates:
        last = max(candidates, key=lambda item: (
            getattr(item, "end_lineno", 0), getattr(item, "end_col_offset", 0)
        ))
    star_needed = "" if arguments.vararg or arguments.kwonlyargs else "*, "
    if last is None:
        return Edit(_inside_parentheses(port, unit), star_needed + new)
    end = port.model.source.grouped(last).end
    return Edit(Span(end, end), f", {star_needed}{new}")


def _inside_parentheses(port: Conversion, unit: ast.FunctionDef | ast.AsyncFunctionDef) -> Span:
    line = port.model.source.lines[unit.lineno - 1]
    column = line.index("(", line.index(unit.name, unit.col_offset)) + 1
    at = Position(unit.lineno, column)
    return Span(at, at)


def _modes(port: Conversion) -> Iterator[Finding]:
    """`self.training`, `train()`, `eval()` and what else is asked of a module."""
    for node in port.model.walk.attributes:
        if node.attr == "training" and port.is_module(node.value):
            yield from _training(port, node)
        elif node.attr in _HOOKS and port.is_module(node.value):
            yield port.blocked("JXP407", node, f"`{node.attr}` has no counterpart in NNX",
                               "let the module return what the hook reads")
        elif node.attr == "forward" and port.is_module(node.value) and not port.is_called(node):
            yield port.text("JXP402", node, "`forward` is `__call__` in NNX",
                            [port.behind(node.value, node, ".__call__")])


def _training(port: Conversion, node: ast.Attribute) -> Iterator[Finding]:
    message = "NNX keeps the mode of a module in `deterministic`"
    parent = port.model.walk.parents.get(node)
    if not isinstance(node.ctx, ast.Load):
        yield port.blocked("JXP405", node, message, "it is assigned here")
        return
    holder = port.source(node.value)
    if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
        yield port.text("JXP405", node, message,
                        [port.replaced(parent, f"{holder}.deterministic")])
        return
    text = f"not {holder}.deterministic"
    plain = isinstance(
        parent, (ast.Assign, ast.If, ast.IfExp, ast.BoolOp, ast.keyword, ast.Return, ast.Call,
                 ast.Tuple, ast.While, ast.Expr)
    )
    yield port.text("JXP405", node, message,
                    [port.replaced(node, text if plain else f"({text})")])


def _made(port: Conversion) -> Iterator[Finding]:
    """`register_buffer` and `register_parameter`: attributes of the kind that NNX keeps."""
    for method, variable_type, code in (
        ("register_buffer", "BatchStat", "JXP101"), ("register_parameter", "Param", "JXP102"),
    ):
        for call, receiver in port.file.calls_of(method):
            if not port.is_module(receiver):
                continue
            yield _registered(port, call, receiver, variable_type, code)


def _registered(
    port: Conversion, call: ast.Call, receiver: ast.expr, variable_type: str, code: str
) -> Finding:
    message = f"`{ast.unparse(call.func)}` is an assignment in NNX"
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    names = ("name", "tensor" if variable_type == "BatchStat" else "param", "persistent")
    if any(isinstance(item, ast.Starred) for item in call.args) or None in given:
        return port.blocked(code, call, message, "its arguments are hidden behind a star")
    given.update(zip(names, call.args, strict=False))
    name, value = given.get("name"), given.get(names[1])
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return port.blocked(code, call, message, "its name is computed")
    if not port.file.is_statement(call) or value is None:
        return port.blocked(code, call, message, "it is not a plain statement")
    spelled = port.spelled("flax.nnx", call)
    start = Span(port.span(call).start, port.span(value).start)
    end = Span(port.span(value).end, port.span(call).end)
    target = f"{port.source(receiver)}.{name.value} = "
    port.covered.add(call.func)
    if isinstance(value, ast.Constant) and value.value is None:
        return port.text(code, call, message, [port.replaced(call, f"{target}None")])
    makes_own = variable_type == "Param" and (
        port.model.qualified(value.func) if isinstance(value, ast.Call) else ""
    ) == "torch.nn.Parameter"
    if makes_own:
        return port.text(code, call, message, [Edit(start, target), Edit(end, "")])
    head = f"{target}{spelled}.{variable_type}("
    names_ = port.kinds.names(value)
    if "none" in names_:
        if not isinstance(value, (ast.Name, ast.Attribute)):
            return port.blocked(code, call, message, "it may be None")
        head = f"{target}None if {port.source(value)} is None else {spelled}.{variable_type}("
    return port.text(code, call, message, [Edit(start, head), Edit(end, ")")], ("flax.nnx",))
