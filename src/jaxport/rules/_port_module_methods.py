"""The methods of torch modules that modules of NNX have not, or have in another way."""

from __future__ import annotations

import ast
from collections.abc import Callable

from jaxport.findings import Finding
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_devices import module_to

_WALKS = frozenset({"modules", "children", "named_modules", "named_children"})
# Nothing but a module has them.
ONLY_OF_MODULES = _WALKS | {
    "named_parameters", "named_buffers", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "load_state_dict", "register_buffer", "register_parameter",
}  # fmt: skip


def forward(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding | None:
    of_super = isinstance(func.value, ast.Call) and getattr(func.value.func, "id", "") == "super"
    if not of_super and not port.is_module(func.value):
        if port.speaks_torch and not port.model.infer(func) and not port.kinds.of(func.value):
            return port.blocked("JXP402", call, "`forward` is `__call__` in NNX",
                                "whether it is that of a module can't be told")
        return None
    content = ".__call__" if of_super else ""
    return port.text("JXP402", call, "`forward` is `__call__` in NNX",
                     [port.behind(func.value, func, content)])


def _mode(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding | None:
    """`train()` and `eval()` are the same in NNX, but for what they return."""
    message = f"`{func.attr}` of NNX returns nothing"
    statement = port.model.walk.parents.get(call)
    if func.attr == "train" and (call.args or call.keywords):
        value = call.args[0] if call.args else call.keywords[0].value
        if not isinstance(value, ast.Constant) or not isinstance(statement, ast.Expr):
            return port.blocked("JXP405", call, message, "its mode is computed")
        mode = "train" if value.value else "eval"
        return port.text("JXP405", call, message,
                         [port.behind(func.value, call, f".{mode}()")])
    if isinstance(statement, ast.Expr):
        return None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(
        statement.targets[0], (ast.Name, ast.Attribute)
    ) and port.removed(statement) is not None:
        # `model = Net().eval()`: the model, then its mode.
        line = port.model.source.newline(statement.lineno) + port.indent(statement.lineno)
        target = port.source(statement.targets[0])
        return port.text("JXP405", call, message, [
            port.behind(func.value, call, ""),
            port.after(statement, f"{line}{target}.{func.attr}()"),
        ])  # fmt: skip
    return port.blocked("JXP405", call, message, "its result is used")


def _zero_grad(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding | None:
    if any(call is item for optimizer in port.file.optimizers for item in optimizer.zero_grads):
        return None
    return port.left_out("JXP702", call, "gradients are values in JAX: none to reset")


def _no_port(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    return port.blocked("JXP407", call, f"`{func.attr}` of a module has no port yet",
                        "NNX has another way to walk over modules and state")


def _walk(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    """`modules()`, `children()`, `apply(f)`: functions that walk over the attributes."""
    message = f"`{func.attr}` of a module is a function in the port"
    if any(isinstance(item, ast.Starred) for item in call.args) or call.keywords or (
        len(call.args) != (func.attr == "apply")
    ):
        return port.blocked("JXP407", call, message, "its arguments have no counterpart")
    name = port.part_name(func.attr)
    rest = (port.between(func.value, call.args[0], ", ") if call.args
            else port.behind(func.value, call, ")"))
    return port.text("JXP407", call, message, [port.before(func.value, f"{name}("), rest],
                     used=(func.attr,))


def of_likely_module(port: Conversion, call: ast.Call, func: ast.Attribute) -> Finding:
    """A method that only modules have, of something that is not known to be one."""
    if func.attr in _WALKS:
        return _walk(port, call, func)
    return port.blocked("JXP407", call, f"`{func.attr}` is a method of torch modules",
                        "NNX modules have none")


MODULE_METHODS: dict[str, Callable[[Conversion, ast.Call, ast.Attribute], Finding | None]] = {
    "to": module_to, "cuda": module_to, "cpu": module_to, "train": _mode, "eval": _mode,
    "zero_grad": _zero_grad,
    **dict.fromkeys((*_WALKS, "apply"), _walk),
    **dict.fromkeys((
        "named_parameters", "buffers",
        "named_buffers", "half", "double", "float", "bfloat16", "requires_grad_", "to_empty",
        "get_submodule", "get_parameter", "add_module", "register_module", "compile", "type",
        "share_memory", "extra_repr",
    ), _no_port),
}  # fmt: skip
