"""The functions of torch that have a way of their own."""

from __future__ import annotations

import ast
from collections.abc import Callable

from jaxport.findings import Edit, Finding, Span
from jaxport.rules._conversion import Conversion
from jaxport.rules._port_devices import QUESTIONS, device, question

# Calls that only steer torch: as statements they go.
_STEERING = (
    "torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.cuda.synchronize",
    "torch.cuda.empty_cache", "torch.set_num_threads", "torch.autograd.set_detect_anomaly",
    "torch.use_deterministic_algorithms", "torch.set_float32_matmul_precision",
    "torch.cuda.set_device", "torch.set_printoptions",
)  # fmt: skip


def _seed(port: Conversion, call: ast.Call, name: str) -> Finding:
    message = "the seed of torch is the seed of `nnx.Rngs`"
    if not port.random.seeds.get(call):
        return port.left_out("JXP601", call, message)
    port.cover(call.func)
    if not port.file.is_statement(call) or len(call.args) != 1:
        return port.blocked("JXP601", call, message, "its result is used")
    spelled = port.spelled("flax.nnx", call)
    return port.text("JXP601", call, message,
                     [port.replaced(call.func, f"rngs = {spelled}.Rngs")], ("flax.nnx",))


def _steering(port: Conversion, call: ast.Call, name: str) -> Finding:
    return port.left_out("JXP701", call, f"`{name}` only steers torch")


def _is_tensor(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    if len(call.args) != 1 or call.keywords:
        return port.blocked("JXP901", call, "`torch.is_tensor` is `isinstance`", "its arguments")
    spelled = port.spelled("jax", call)
    return port.text(
        "JXP901", call, "`torch.is_tensor` is `isinstance(…, jax.Array)`",
        [port.replaced(call.func, "isinstance"),
         port.behind(call.args[0], call, f", {spelled}.Array)")],
        ("jax",),
    )  # fmt: skip


def _assert(port: Conversion, call: ast.Call, name: str) -> Finding:
    """`torch._assert(condition, message)` is the statement, outside of torch's own tracing."""
    port.cover(call.func)
    message = f"`{name}` is an `assert` statement"
    plain = [item for item in call.args if not isinstance(item, ast.Starred)]
    if not port.file.is_statement(call) or len(plain) != len(call.args) or len(plain) != 2 or (
        call.keywords
    ):
        return port.blocked("JXP901", call, message, "it is not called as a plain statement")
    condition, text = plain
    opened, closed = zip(*(("(", ")") if item.lineno != item.end_lineno else ("", "")
                           for item in plain), strict=True)
    whole, first, second = port.span(call), port.span(condition), port.span(text)
    return port.text("JXP901", call, message, [
        Edit(Span(whole.start, first.start), f"assert {opened[0]}"),
        Edit(Span(first.end, second.start), f"{closed[0]}, {opened[1]}"),
        Edit(Span(second.end, whole.end), closed[1]),
    ])  # fmt: skip


def _checkpoint(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    return port.blocked("JXP801", call, f"`{name}` reads or writes torch's own files",
                        "save the state with Orbax, or as NumPy arrays")


def _compiled(port: Conversion, call: ast.Call, name: str) -> Finding:
    port.cover(call.func)
    return port.blocked("JXP703", call, f"`{name}` compiles for torch", "use `nnx.jit`")


def _einops(port: Conversion, call: ast.Call, name: str) -> Finding | None:
    if not call.args or not _may_be_variable(port, call.args[0]):
        return None
    spelled = port.spelled("jax.numpy", call)
    return port.text(
        "JXP408", call.args[0], "einops takes arrays, and this may be a Variable",
        [port.before(call.args[0], f"{spelled}.asarray("), port.after(call.args[0], ")")],
        ("jax.numpy",),
    )  # fmt: skip


def _may_be_variable(port: Conversion, node: ast.expr) -> bool:
    """Whether the expression is an attribute of something unknown: it can be a parameter."""
    return (
        isinstance(node, ast.Attribute) and not port.model.infer(node) and port.speaks_torch
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
        and not port.kinds.of(node.value)
    )


FUNCTIONS: dict[str, Callable[[Conversion, ast.Call, str], Finding | None]] = {
    "torch.manual_seed": _seed, "torch.random.manual_seed": _seed, "torch.device": device,
    "torch.is_tensor": _is_tensor, "torch._assert": _assert,
    "torch.save": _checkpoint, "torch.load": _checkpoint,
    "torch.compile": _compiled, "torch.jit.script": _compiled, "torch.jit.trace": _compiled,
    **dict.fromkeys(QUESTIONS, question),
    **dict.fromkeys(_STEERING, _steering),
    **dict.fromkeys(("einops.rearrange", "einops.repeat", "einops.reduce"), _einops),
}  # fmt: skip
