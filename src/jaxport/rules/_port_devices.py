"""What moves values between devices and dtypes: JAX places arrays by itself, and `astype` casts."""

from __future__ import annotations

import ast

from jaxport.findings import Finding
from jaxport.rules._conversion import Conversion

# What asks torch for its devices: the module that is asked instead, and how.
QUESTIONS = {
    "torch.cuda.is_available": ("jax", '{}.default_backend() == "gpu"'),
    "torch.backends.mps.is_available": ("", "False"),
    "torch.cuda.device_count": ("jax", "{}.device_count()"),
    "torch.get_default_dtype": ("jax.numpy", "{}.zeros(()).dtype"),
    "torch.is_grad_enabled": ("", "True"),
}
_PLACED = "JAX places arrays on its default device by itself"


def question(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    root, text = QUESTIONS[name]
    answer = text.format(port.spelled(root, call)) if root else text
    return port.text("JXP701", call, f"`{name}` asks torch for its devices",
                     [port.replaced(call, answer)], (root,) if root else ())


def device(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    if not all(port.is_pure(item) for item in call.args):
        return port.blocked("JXP701", call, _PLACED, "its argument does something")
    port.covered.update(ast.walk(call))
    spelled = port.spelled("jax", call)
    return port.text("JXP701", call, _PLACED,
                     [port.replaced(call, f"{spelled}.devices()[0]")], ("jax",))


def module_to(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    """`model.to(device)`. A new dtype is another matter."""
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        if not _is_device(port, argument) or not port.is_pure(argument):
            return port.blocked("JXP701", call, _PLACED,
                                f"`{ast.unparse(argument)}` may be a dtype")
    edits = port.removed_call(call)
    if edits is None:
        edits = [port.behind(func.value, call, "")]
    return port.text("JXP701", call, _PLACED, edits)


def tensor_to(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    """`x.to(…)`: a dtype is a cast; a device is where JAX puts the array anyway."""
    message = "`to` casts with `astype` in JAX; arrays are placed by JAX itself"
    port.covered.add(func)
    dtype: ast.expr | None = None
    like: ast.expr | None = None
    for argument in call.args:
        if _is_device(port, argument) and port.is_pure(argument):
            continue
        if is_dtype(port, argument):
            dtype = argument
        elif _may_be_like(port, argument):
            like = argument
        elif not (isinstance(argument, ast.Constant) and isinstance(argument.value, bool)):
            return port.blocked("JXP701", call, message,
                                f"what `{ast.unparse(argument)}` is can't be told")
    for keyword in call.keywords:
        if keyword.arg == "dtype":
            dtype = keyword.value
        elif keyword.arg not in ("device", "non_blocking", "copy", "memory_format") or (
            not port.is_pure(keyword.value)
        ):
            return port.blocked("JXP701", call, message, f"`{keyword.arg}` has no counterpart")
    if dtype is not None:
        edits = [port.between(func.value, dtype, ".astype("), port.behind(dtype, call, ")")]
    elif like is not None:
        edits = [port.between(func.value, like, ".astype("), port.behind(like, call, ".dtype)")]
    else:
        edits = [port.behind(func.value, call, "")]
    return port.text("JXP701", call, message, edits)


def _may_be_like(port: Conversion, node: ast.expr) -> bool:
    """Whether it is a tensor whose dtype is meant."""
    names = port.kinds.names(node)
    return names == {"tensor"} or (isinstance(node, ast.Name) and not names and node.id == "x")


def same(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    """`x.cuda()`, `x.contiguous()`: the array itself, which nothing can change."""
    port.covered.add(func)
    edits = port.removed_call(call)
    if edits is not None:
        return port.text("JXP701", call, f"`{func.attr}` does nothing in JAX", edits)
    return port.text("JXP701", call, f"`{func.attr}` gives the array itself in JAX",
                     [port.behind(func.value, call, "")])


def only_moves(port: Conversion, call: ast.Call) -> bool:
    """Whether the call moves something to a device and does nothing else."""
    return all(_is_device(port, item) for item in call.args) and all(
        item.arg in ("device", "non_blocking") for item in call.keywords
    )


def is_dtype(port: Conversion, node: ast.expr) -> bool:
    names = port.kinds.names(node)
    return names == {"dtype"} or (not names and _last_name(node) == "dtype")


def _is_device(port: Conversion, node: ast.expr) -> bool:
    names = port.kinds.names(node)
    if names and names <= {"device", "str", "none"}:
        return True
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return True
    last = _last_name(node)
    return not names - {"int"} and (
        last in ("device", "rank", "local_rank") or last.endswith("_device")
    )


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else str(getattr(node, "attr", ""))
