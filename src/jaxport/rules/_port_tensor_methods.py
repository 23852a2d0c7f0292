"""The methods of tensors that have a way of their own."""

from __future__ import annotations

import ast
from collections.abc import Callable

from jaxport.findings import Finding
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_devices import is_dtype, same, tensor_to


def _type(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    """`x.type(dtype)` casts."""
    port.covered.add(func)
    message = "`type` casts with `astype` in JAX"
    if len(call.args) != 1 or call.keywords or not is_dtype(port, call.args[0]):
        return port.blocked("JXP902", call, message, "that its argument is a dtype can't be told")
    return port.text("JXP902", call, message,
                     [port.between(func.value, call.args[0], ".astype(")])


def _detach(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    port.covered.add(func)
    spelled = port.spelled("jax", call)
    return port.text(
        "JXP702", call, "`detach` is `jax.lax.stop_gradient`",
        port.wrapped(func.value, call, f"{spelled}.lax.stop_gradient("),
        ("jax",),
    )  # fmt: skip


def _numpy(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    port.covered.add(func)
    spelled = port.spelled("numpy", call)
    return port.text(
        "JXP801", call, "`numpy` is `numpy.asarray`",
        port.wrapped(func.value, call, f"{spelled}.asarray("),
        ("numpy",),
    )  # fmt: skip


def _item(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding | None:
    """`item()` and `tolist()` work on arrays, and not on what `jit` or `grad` trace."""
    if port.in_main_code(call) or not _in_forward(port, call):
        return None
    return port.blocked("JXP503", call, f"`{func.attr}` needs a value, and a traced module "
                        "has none", "compute with the array instead")


def _in_forward(port: Conversion, node: ast.AST) -> bool:
    for outer in port.model.walk.ancestors(node):
        if isinstance(outer, ast.FunctionDef):
            return outer.name in ("forward", "__call__")
    return False


def _autograd(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    return port.blocked("JXP702", call, f"`{func.attr}` turns on torch's autograd",
                        "JAX differentiates functions: see `jax.grad`")


def _backward(port: Conversion, call: ast.Call, func: ast.Attribute) -> None:
    """The rules of training steps report it."""


TENSOR_METHODS: dict[str, Callable[[Conversion, ast.Call, ast.Attribute], Finding | None]] = {
    "to": tensor_to, "cuda": same, "cpu": same, "xpu": same, "contiguous": same, "clone": same,
    "detach": _detach, "numpy": _numpy, "type": _type, "backward": _backward, "item": _item,
    "tolist": _item, "requires_grad_": _autograd, "register_hook": _autograd,
    "retain_grad": _autograd,
}  # fmt: skip
