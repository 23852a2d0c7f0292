"""How each call of a torch function, layer or tensor method is written in JAX."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from jaxport.findings import Edit, Finding, Span
from jaxport.plans import LayerCall
from jaxport.rules._conversion import CONTAINERS, Conversion
from jaxport.semantics.kinds import TORCH_ONLY
from jaxport.semantics.values import External, Instance, Literal
from jaxport.tables import torch_names
from jaxport.tables.constants import PORTABLE_METHODS
from jaxport.tables.forms import rows
from jaxport.tables.parts import Part, layers

_PARAMETERS = ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "torch.nn.Buffer")
_CUDA = {
    "torch.cuda.is_available": 'jax.default_backend() == "gpu"',
    "torch.backends.mps.is_available": "False",
    "torch.cuda.device_count": "jax.device_count()",
    "torch.get_default_dtype": "jnp.zeros(()).dtype",
    "torch.is_grad_enabled": "True",
}  # fmt: skip
# Calls that only steer torch: as statements they go.
_STEERING = frozenset({
    "torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.cuda.synchronize",
    "torch.cuda.empty_cache", "torch.set_num_threads", "torch.autograd.set_detect_anomaly",
    "torch.use_deterministic_algorithms", "torch.set_float32_matmul_precision",
    "torch.cuda.set_device", "torch.set_printoptions",
})  # fmt: skip
_EINOPS = ("einops.rearrange", "einops.repeat", "einops.reduce")


def convert(port: Conversion) -> list[Finding]:
    found: list[Finding] = []
    for call in port.model.walk.calls:
        found += _call(port, call)
    return found


def _call(port: Conversion, call: ast.Call) -> Iterator[Finding]:
    name = port.model.qualified(call.func) or ""
    if _is_torch(name) and not port.is_imported(call.func):
        yield from _variable(port, call)
    elif name in _SPECIAL:
        yield from _SPECIAL[name](port, call, name)
    elif name in CONTAINERS:
        yield _container(port, call, name)
    elif name in _PARAMETERS:
        yield _parameter(port, call, name)
    elif name in _CUDA:
        text = _CUDA[name]
        root = "jax.numpy" if text.startswith("jnp") else "jax"
        spelled = port.spelled(root, call)
        yield _covered(port, call, port.text(
            "JXP701", call, f"`{name}` asks torch for its devices",
            [port.replaced(call, text.replace(text.split(".")[0], spelled, 1)
                           if text.startswith("j") else text)],
            (root,) if text.startswith("j") else (),
        ))  # fmt: skip
    elif name in _STEERING:
        yield from _statement_goes(port, call, "JXP701", f"`{name}` only steers torch")
    elif name in _EINOPS and call.args and _may_hide_variable(port, call.args[0]):
        spelled = port.spelled("jax.numpy", call)
        yield port.text(
            "JXP408", call.args[0], "einops takes arrays, and this may be a Variable",
            [port.before(call.args[0], f"{spelled}.asarray("), port.after(call.args[0], ")")],
            ("jax.numpy",),
        )  # fmt: skip
    elif name in layers():
        yield _layer(port, call, name, layers()[name])
    elif name.startswith("torch.nn.init.") and name.endswith("_"):
        if not port.file.is_statement(call):
            port.cover(call.func)
            yield port.blocked("JXP602", call, f"`{name}` fills a tensor in place",
                               "it is not a statement of its own")
    elif name in rows():
        yield _covered(port, call, port.form(_code(name), call, rows()[name], name, False))
    elif isinstance(call.func, ast.Attribute) and _is_torch(name):
        return  # a torch name without a port: JXP004 says so
    elif isinstance(call.func, ast.Attribute):
        yield from _method(port, call, call.func)
    elif port.layer_call(call):
        yield _passes_rngs(port, call)


def _may_hide_variable(port: Conversion, node: ast.expr) -> bool:
    """Whether the expression is an attribute of something unknown: it can be a parameter."""
    return isinstance(node, ast.Attribute) and not port.model.infer(node) and (
        port.speaks_torch
    ) and not (isinstance(node.value, ast.Name) and node.value.id == "self") and not (
        port.kinds.of(node.value))


def _is_torch(name: str) -> bool:
    return bool(name) and torch_names.is_torch(name)


def _variable(port: Conversion, call: ast.Call) -> Iterator[Finding]:
    """A call of a variable: `act(x)`, where `act` is one torch function or class or another."""
    names = [value.name for value in port.model.infer(call.func) if isinstance(value, External)]
    message = f"`{ast.unparse(call.func)}` is torch's, or what a caller gives"
    for name in names:
        if name in layers():
            reason = _why_not(port, call, layers()[name])
        elif name in rows():
            one = len(call.args) == 1 and not call.keywords and not isinstance(
                call.args[0], ast.Starred)
            reason = "" if one else "its arguments mean something else in JAX"
        elif name in CONTAINERS:
            reason = ""
        else:
            reason = f"`{name}` has no port"
        if reason:
            yield port.blocked("JXP901", call, message, reason)
            return
    if port.layer_call(call):
        yield _passes_rngs(port, call)


def _covered(port: Conversion, call: ast.Call, finding: Finding) -> Finding:
    port.cover(call.func)
    return finding


def _code(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    if any("{key}" in row.jax for row in rows().get(name, ())):
        return "JXP601"
    return "JXP902" if name.startswith("Tensor.") else (
        "JXP602" if name.startswith("torch.nn.init.") and last.endswith("_") else "JXP901"
    )


# Layers


def _layer(port: Conversion, call: ast.Call, name: str, part: Part) -> Finding:
    port.cover(call.func)
    message = f"`{name}` is made of Flax layers"
    reason = _why_not(port, call, part)
    if reason:
        return port.blocked("JXP403", call, message, reason)
    spelled = port.part_name(part.name)
    plan = LayerCall(
        spelled, port.layer_call(call) if part.needs_rngs else "", ((part.name, spelled),)
    )
    return port.planned("JXP403", call, message, "convert_layer", plan)


def _why_not(port: Conversion, call: ast.Call, part: Part) -> str:
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


def _container(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    spelled = port.spelled("flax.nnx", call)
    plan = LayerCall(f"{spelled}.{CONTAINERS[name]}")
    message = f"`{name}` is `flax.nnx.{CONTAINERS[name]}`"
    return port.planned("JXP403", call, message, "convert_layer", plan, ("flax.nnx",))


def _parameter(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    spelled = port.spelled("flax.nnx", call)
    made = "BatchStat" if name.endswith("Buffer") else "Param"
    message = f"`{name}` is `flax.nnx.{made}`"
    grad = next((item.value for item in call.keywords if item.arg == "requires_grad"),
                call.args[1] if len(call.args) > 1 else None)
    extra = [item.arg for item in call.keywords if item.arg not in ("data", "requires_grad",
                                                                    "persistent")]
    if not call.args or extra or isinstance(call.args[0], ast.Starred) or len(call.args) > 2:
        return port.blocked("JXP403", call, message, "it is not made of one tensor")
    if grad is not None and made == "Param":
        if not isinstance(grad, ast.Constant):
            return port.blocked("JXP403", call, message, "whether it is trained is computed")
        made = "Param" if grad.value else "BatchStat"
    if port.model.walk.parents.get(call) is None:
        return port.blocked("JXP403", call, message, "nothing holds it")
    end = Span(port.span(call.args[0]).end, port.span(call).end)
    edits = [port.replaced(call.func, f"{spelled}.{made}")]
    if len(call.args) > 1 or call.keywords:
        edits.append(Edit(end, ")"))
    return port.text("JXP403", call, message, edits, ("flax.nnx",))


def _passes_rngs(port: Conversion, call: ast.Call) -> Finding:
    return port.planned(
        "JXP404", call, "random numbers are passed on as `rngs` in NNX", "convert_layer",
        LayerCall("", port.layer_call(call)),
    )


# Methods


def _method(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    if port.layer_call(call):
        if func.attr == "forward" and port.is_module(func.value):
            yield port.blocked("JXP402", call, "`forward` is `__call__` in NNX", "it makes layers")
        else:
            yield _passes_rngs(port, call)
        return
    if func.attr == "forward":
        if port.is_module(func.value) or _is_super(func.value):
            yield _forward(port, call, func)
        return
    if func.attr in _MODULE_METHODS and port.is_module(func.value):
        yield from _MODULE_METHODS[func.attr](port, call, func)
        return
    if not port.speaks_torch:
        return
    names = port.kinds.names(func.value) - {"none"}
    inferred = port.model.infer(func.value)
    if func.attr in _MODULE_ONLY and not names and all(
        isinstance(value, Literal) for value in inferred
    ):
        if func.attr in _WALKS:
            yield from _walk(port, call, func)
        else:
            yield port.blocked("JXP407", call, f"`{func.attr}` is a method of torch modules",
                               "NNX modules have none")
        return
    name = f"Tensor.{func.attr}"
    if func.attr.endswith("_") and not func.attr.endswith("__") and func.attr not in (
        _TENSOR_SPECIAL
    ):
        return  # in place: the statement is rewritten as a whole
    # Of what is known here, only an array can have the method; NumPy's have some of them.
    only_tensors = func.attr in TORCH_ONLY or func.attr in _MOVES or (
        "tensor" in names and "numpy" not in names
        and not any(hasattr(kind, func.attr) for kind in (list, tuple, dict, str, int, float))
    )
    if names and "tensor" not in names:
        if only_tensors and names & {"numpy", "sequence", "int", "float", "bool"}:
            yield port.blocked("JXP005", call, f"`{func.attr}` is a method of tensors",
                               "and the value seems to be none")
        elif only_tensors and not port.model.infer(func) and not port.kinds.of(func):
            yield port.blocked("JXP005", call, f"`{func.attr}` is a method of tensors",
                               "and nothing of this name is defined here")
        return
    if names and names != {"tensor"} and not only_tensors:
        if name in rows() and not _is_portable(call, func.attr):
            yield port.blocked("JXP005", call, f"`{func.attr}` is a method of tensors",
                               "the value can be something else too")
        return
    if not names and any(
        isinstance(value, (External, Instance)) for value in inferred
    ) and not any(isinstance(value, Instance) and isinstance(value.of, External)
                  and torch_names.is_torch(value.of.name) for value in inferred):
        return
    if not names and func.attr not in TORCH_ONLY and func.attr not in _TENSOR_SPECIAL and not any(
        keyword.arg == "dim" for keyword in call.keywords
    ):
        if name in rows() and not _is_portable(call, func.attr) and func.attr not in _COMMON:
            yield port.blocked("JXP005", call, f"`{func.attr}` is a method that tensors have",
                               "whether the value is one can't be told")
        return
    if not names and (func.attr in _COMMON or not port.model.uses_torch):
        return
    unsure = func.attr == "clone" or (
        func.attr in ("to", "cuda", "cpu") and not _only_device(port, call)
    )
    if not names and unsure:
        yield port.blocked("JXP005", call, f"`{func.attr}` is a method that tensors have",
                           "whether the value is one can't be told")
        return
    if func.attr in _TENSOR_SPECIAL:
        yield from _TENSOR_SPECIAL[func.attr](port, call, func)
    elif name in rows():
        port.covered.add(func)
        yield port.form(_code(name), call, rows()[name], func.attr, True)
    elif _is_portable(call, func.attr) or func.attr.startswith("__"):
        return
    elif names:
        yield port.blocked("JXP005", call, f"`{func.attr}` is a method of tensors",
                           "it has no port yet")


def _is_portable(call: ast.Call, method: str) -> bool:
    """Whether the call means the same on a JAX array, which has a place for its arguments."""
    signature = PORTABLE_METHODS.get(method)
    if signature is None or call.keywords:
        return False
    parameters = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(parameters, ast.FunctionDef)
    return len(call.args) <= len(parameters.args.args) or parameters.args.vararg is not None


_MOVES = frozenset({"to", "cuda", "cpu", "clone", "detach", "contiguous"})
# Methods of text, lists and dictionaries: on something unknown they are taken for those.
_COMMON = frozenset({
    "split", "index", "count", "format", "get", "pop", "items", "keys", "values", "copy", "add",
    "update", "sort", "remove", "clear", "float", "type", "item", "apply", "put", "read", "write",
    "log", "exp", "step", "find", "join", "lower", "upper", "replace", "round", "bool", "size",
    "set", "isin", "select", "name", "map", "fill",
}) - {"size"}  # fmt: skip


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"


def _forward(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    message = "`forward` is `__call__` in NNX"
    start = Span(port.span(func.value).end, port.span(func).end)
    content = ".__call__" if _is_super(func.value) else ""
    return port.text("JXP402", call, message, [Edit(start, content)])


def _statement_goes(port: Conversion, call: ast.Call, code: str, message: str
                    ) -> Iterator[Finding]:
    statement = port.model.walk.parents.get(call)
    port.cover(call.func)
    edits = port.removed(statement) if isinstance(statement, ast.Expr) else None
    if edits is None or not all(port.is_pure(item) for item in [
        *call.args, *(keyword.value for keyword in call.keywords)
    ]):
        yield port.blocked(code, call, message, "its result is used")
        return
    for node in ast.walk(call):
        port.covered.add(node)
    yield port.text(code, call, message, edits)


def _module_to(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """`model.to(device)`: JAX places arrays by itself. A new dtype is another matter."""
    message = "JAX places arrays on its default device by itself"
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        if not _is_device(port, argument) or not port.is_pure(argument):
            yield port.blocked("JXP701", call, message,
                               f"`{ast.unparse(argument)}` may be a dtype")
            return
    statement = port.model.walk.parents.get(call)
    if isinstance(statement, ast.Expr):
        edits = port.removed(statement)
        if edits is not None:
            yield port.text("JXP701", call, message, edits)
            return
    start = Span(port.span(func.value).end, port.span(call).end)
    yield port.text("JXP701", call, message, [Edit(start, "")])


def _is_device(port: Conversion, node: ast.expr) -> bool:
    names = port.kinds.names(node)
    if names and names <= {"device", "str", "none"}:
        return True
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return True
    last = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return not names - {"int"} and (last == "device" or last.endswith("_device") or
                                    last in ("rank", "local_rank"))


def _only_device(port: Conversion, call: ast.Call) -> bool:
    """Whether the call moves something to a device and does nothing else."""
    return all(_is_device(port, item) for item in call.args) and all(
        item.arg in ("device", "non_blocking") for item in call.keywords
    )


def _is_dtype(port: Conversion, node: ast.expr) -> bool:
    names = port.kinds.names(node)
    last = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return names == {"dtype"} or (not names and last == "dtype")


def _mode(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """`train()` and `eval()` are the same in NNX, but for what they return."""
    message = f"`{func.attr}` of NNX returns nothing"
    statement = port.model.walk.parents.get(call)
    if func.attr == "train" and (call.args or call.keywords):
        value = call.args[0] if call.args else call.keywords[0].value
        if isinstance(value, ast.Constant) and isinstance(statement, ast.Expr):
            mode = "train" if value.value else "eval"
            end = Span(port.span(func.value).end, port.span(call).end)
            yield port.text("JXP405", call, message, [Edit(end, f".{mode}()")])
            return
        yield port.blocked("JXP405", call, message, "its mode is computed")
    elif not isinstance(statement, ast.Expr):
        parent = statement
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(
            parent.targets[0], (ast.Name, ast.Attribute)
        ) and port.removed(parent) is not None and func.attr in ("train", "eval"):
            # `model = Net().eval()`: the model, then its mode.
            end = Span(port.span(func.value).end, port.span(call).end)
            line = port.model.source.newline(parent.lineno) + port.indent(parent.lineno)
            target = port.source(parent.targets[0])
            yield port.text("JXP405", call, message,
                            [Edit(end, ""), port.after(parent, f"{line}{target}.{func.attr}()")])
            return
        yield port.blocked("JXP405", call, message, "its result is used")


def _module_zero_grad(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    if any(call is item for optimizer in port.file.optimizers for item in optimizer.zero_grads):
        return
    yield from _statement_goes(port, call, "JXP702", "gradients are values in JAX: none to reset")


def _no_port(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    yield port.blocked("JXP407", call, f"`{func.attr}` of a module has no port yet",
                       "NNX has another way to walk over modules and state")


def _walk(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """`modules()`, `children()`, `apply(f)`: functions that walk over the attributes."""
    message = f"`{func.attr}` of a module is a function in the port"
    if any(isinstance(item, ast.Starred) for item in call.args) or call.keywords or (
        len(call.args) != (func.attr == "apply")
    ):
        yield port.blocked("JXP407", call, message, "its arguments have no counterpart")
        return
    name = port.part_name(func.attr)
    behind = Span(port.span(func.value).end, port.span(call.args[0] if call.args else call).start
                  if call.args else port.span(call).end)
    yield port.text(
        "JXP407", call, message,
        [port.before(func.value, f"{name}("), Edit(behind, ", " if call.args else ")")],
        used=(func.attr,),
    )  # fmt: skip


_WALKS = frozenset({"modules", "children", "named_modules", "named_children"})
_MODULE_ONLY = _WALKS | {
    "named_parameters", "named_buffers", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "load_state_dict", "register_buffer", "register_parameter",
}  # fmt: skip
_Method = Callable[[Conversion, ast.Call, ast.Attribute], Iterator[Finding]]
_MODULE_METHODS: dict[str, _Method] = {
    "to": _module_to, "cuda": _module_to, "cpu": _module_to, "train": _mode, "eval": _mode,
    "zero_grad": _module_zero_grad,
    **dict.fromkeys((*_WALKS, "apply"), _walk),
    **dict.fromkeys((
        "named_parameters", "buffers",
        "named_buffers", "half", "double", "float", "bfloat16", "requires_grad_", "to_empty",
        "get_submodule", "get_parameter", "add_module", "register_module", "compile", "type",
        "share_memory", "extra_repr",
    ), _no_port),
}  # fmt: skip


# Tensors


def _tensor_to(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """`x.to(…)`: a dtype is a cast; a device is where JAX puts the array anyway."""
    message = "`to` casts with `astype` in JAX; arrays are placed by JAX itself"
    port.covered.add(func)
    dtype: ast.expr | None = None
    like: ast.expr | None = None
    for argument in call.args:
        names = port.kinds.names(argument)
        if _is_device(port, argument) and port.is_pure(argument):
            continue
        if _is_dtype(port, argument):
            dtype = argument
        elif names == {"tensor"} or (
            isinstance(argument, ast.Name) and not names and argument.id == "x"
        ):
            like = argument
        elif isinstance(argument, ast.Constant) and isinstance(argument.value, bool):
            continue
        else:
            yield port.blocked("JXP701", call, message,
                               f"what `{ast.unparse(argument)}` is can't be told")
            return
    for keyword in call.keywords:
        if keyword.arg == "dtype":
            dtype = keyword.value
        elif keyword.arg not in ("device", "non_blocking", "copy", "memory_format") or (
            not port.is_pure(keyword.value)
        ):
            yield port.blocked("JXP701", call, message, f"`{keyword.arg}` has no counterpart")
            return
    end = port.span(call).end
    start = port.span(func.value).end
    if dtype is not None:
        edits = [Edit(Span(start, port.span(dtype).start), ".astype("),
                 Edit(Span(port.span(dtype).end, end), ")")]
    elif like is not None:
        edits = [Edit(Span(start, port.span(like).start), ".astype("),
                 Edit(Span(port.span(like).end, end), ".dtype)")]
    else:
        edits = [Edit(Span(start, end), "")]
    yield port.text("JXP701", call, message, edits)


def _tensor_type(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """`x.type(dtype)` casts."""
    port.covered.add(func)
    message = "`type` casts with `astype` in JAX"
    if len(call.args) != 1 or call.keywords or not _is_dtype(port, call.args[0]):
        yield port.blocked("JXP902", call, message, "that its argument is a dtype can't be told")
        return
    end = Span(port.span(func.value).end, port.span(call.args[0]).start)
    yield port.text("JXP902", call, message, [Edit(end, ".astype(")])


def _same(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """`x.cuda()`, `x.contiguous()`: the array itself, which nothing can change."""
    port.covered.add(func)
    start = Span(port.span(func.value).end, port.span(call).end)
    statement = port.model.walk.parents.get(call)
    if isinstance(statement, ast.Expr):
        edits = port.removed(statement)
        if edits is not None:
            yield port.text("JXP701", call, f"`{func.attr}` does nothing in JAX", edits)
            return
    yield port.text("JXP701", call, f"`{func.attr}` gives the array itself in JAX",
                    [Edit(start, "")])


def _detach(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    port.covered.add(func)
    spelled = port.spelled("jax", call)
    rest = Span(port.span(func.value).end, port.span(call).end)
    yield port.text(
        "JXP702", call, "`detach` is `jax.lax.stop_gradient`",
        [port.before(call, f"{spelled}.lax.stop_gradient("), Edit(rest, ")")], ("jax",),
    )  # fmt: skip


def _numpy(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    port.covered.add(func)
    spelled = port.spelled("numpy", call)
    rest = Span(port.span(func.value).end, port.span(call).end)
    yield port.text("JXP801", call, "`numpy` is `numpy.asarray`",
                    [port.before(call, f"{spelled}.asarray("), Edit(rest, ")")], ("numpy",))


def _item(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """`item()` and `tolist()` work on arrays, and not on what `jit` or `grad` trace."""
    if not port.in_main_code(call) and _in_forward(port, call):
        yield port.blocked("JXP503", call, f"`{func.attr}` needs a value, and a traced module "
                           "has none", "compute with the array instead")


def _in_forward(port: Conversion, node: ast.AST) -> bool:
    for outer in port.model.walk.ancestors(node):
        if isinstance(outer, ast.FunctionDef):
            return outer.name in ("forward", "__call__")
    return False


def _requires_grad(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    yield port.blocked("JXP702", call, f"`{func.attr}` turns on torch's autograd",
                       "JAX differentiates functions: see `jax.grad`")


def _nothing(port: Conversion, call: ast.Call, func: ast.Attribute) -> Iterator[Finding]:
    """What another rule reports."""
    yield from ()


_TENSOR_SPECIAL: dict[str, _Method] = {
    "to": _tensor_to, "cuda": _same, "cpu": _same, "xpu": _same, "contiguous": _same,
    "clone": _same, "detach": _detach, "numpy": _numpy, "type": _tensor_type, "backward": _nothing,
    "item": _item, "tolist": _item,
    "requires_grad_": _requires_grad, "register_hook": _requires_grad,
    "retain_grad": _requires_grad,
}  # fmt: skip


# Functions with a way of their own


def _seed(port: Conversion, call: ast.Call, name: str) -> Iterator[Finding]:
    port.cover(call.func)
    message = "the seed of torch is the seed of `nnx.Rngs`"
    if not port.random.seeds.get(call):
        yield from _statement_goes(port, call, "JXP601", message)
        return
    spelled = port.spelled("flax.nnx", call)
    if not port.file.is_statement(call) or len(call.args) != 1:
        yield port.blocked("JXP601", call, message, "its result is used")
        return
    yield port.text("JXP601", call, message,
                    [port.replaced(call.func, f"rngs = {spelled}.Rngs")], ("flax.nnx",))


def _device(port: Conversion, call: ast.Call, name: str) -> Iterator[Finding]:
    port.cover(call.func)
    message = "JAX places arrays on its default device by itself"
    if not all(port.is_pure(item) for item in call.args):
        yield port.blocked("JXP701", call, message, "its argument does something")
        return
    for node in ast.walk(call):
        port.covered.add(node)
    spelled = port.spelled("jax", call)
    yield port.text("JXP701", call, message,
                    [port.replaced(call, f"{spelled}.devices()[0]")], ("jax",))


def _is_tensor(port: Conversion, call: ast.Call, name: str) -> Iterator[Finding]:
    port.cover(call.func)
    if len(call.args) != 1 or call.keywords:
        yield port.blocked("JXP901", call, "`torch.is_tensor` is `isinstance`", "its arguments")
        return
    spelled = port.spelled("jax", call)
    argument = call.args[0]
    yield port.text(
        "JXP901", call, "`torch.is_tensor` is `isinstance(…, jax.Array)`",
        [port.replaced(call.func, "isinstance"), port.after(argument, f", {spelled}.Array")],
        ("jax",),
    )  # fmt: skip


def _assert(port: Conversion, call: ast.Call, name: str) -> Iterator[Finding]:
    """`torch._assert(condition, message)` is the statement, outside of torch's own tracing."""
    port.cover(call.func)
    message = f"`{name}` is an `assert` statement"
    plain = [item for item in call.args if not isinstance(item, ast.Starred)]
    if not port.file.is_statement(call) or len(plain) != len(call.args) or len(plain) != 2 or (
        call.keywords
    ):
        yield port.blocked("JXP901", call, message, "it is not called as a plain statement")
        return
    condition, text = plain
    opened, closed = zip(*(("(", ")") if item.lineno != item.end_lineno else ("", "")
                           for item in plain), strict=True)
    start, end = port.span(call).start, port.span(call).end
    yield port.text("JXP901", call, message, [
        Edit(Span(start, port.span(condition).start), f"assert {opened[0]}"),
        port.between(condition, text, f"{closed[0]}, {opened[1]}"),
        Edit(Span(port.span(text).end, end), closed[1]),
    ])  # fmt: skip


def _checkpoint(port: Conversion, call: ast.Call, name: str) -> Iterator[Finding]:
    yield port.blocked("JXP801", call, f"`{name}` reads or writes torch's own files",
                       "save the state with Orbax, or as NumPy arrays")
    port.cover(call.func)


def _compiled(port: Conversion, call: ast.Call, name: str) -> Iterator[Finding]:
    port.cover(call.func)
    yield port.blocked("JXP703", call, f"`{name}` compiles for torch", "use `nnx.jit`")


_Function = Callable[[Conversion, ast.Call, str], Iterator[Finding]]
_SPECIAL: dict[str, _Function] = {
    "torch.manual_seed": _seed, "torch.random.manual_seed": _seed, "torch.device": _device,
    "torch.is_tensor": _is_tensor, "torch._assert": _assert,
    "torch.save": _checkpoint, "torch.load": _checkpoint,
    "torch.compile": _compiled, "torch.jit.script": _compiled, "torch.jit.trace": _compiled,
}  # fmt: skip
