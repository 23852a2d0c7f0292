"""What `register_buffer` and `register_parameter` share."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator

from jaxport.findings import Finding
from jaxport.rules import Edition, File, weakest
from jaxport.semantics.values import External

Reason = Callable[[File, ast.Call], tuple[str, str]]
# Functions that write to a tensor that they are given.
_WRITERS = frozenset(
    {"batch_norm", "instance_norm", "all_reduce", "broadcast", "reduce", "all_gather"}
)


def registrations(
    file: File, code: str, method: str, variable: str, reason: Reason
) -> Iterator[Finding]:
    """The findings of a rule for calls of `method` that become a Variable of type `variable`.

    `reason` says why a call stays, or why its rewrite is a guess.
    """
    message = f"`{method}` has no counterpart in Flax NNX: write a `{variable}`"
    for call, receiver in file.calls_of(method):
        evidence = file.model.role(receiver, "module")
        if evidence is None:
            continue
        stays, doubt = reason(file, call)
        if stays:
            yield file.leave(code, call, message, stays)
            continue
        edition = Edition(
            f"convert_{method}", doubt or f"Write it as `flax.nnx.{variable}`",
            ("flax.nnx",), "unsafe" if doubt else weakest(evidence),
        )  # fmt: skip
        yield file.report(code, call, message, edition)


def named_value(call: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr] | str:
    """The arguments of `call` by name, or the reason why they can't be told."""
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    if starred or any(keyword.arg is None for keyword in call.keywords):
        return "starred arguments hide which one is which"
    if len(call.args) > len(names):
        return "it has more arguments than torch takes"
    given = dict(zip(names, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg not in names or keyword.arg in given:
            return f"torch has no argument `{keyword.arg}` here"
        given[keyword.arg or ""] = keyword.value
    return given


def why_not_plain(file: File, call: ast.Call, name: ast.expr) -> tuple[str, str]:
    """Why the attribute `name` can't hold a Variable, or why it may not: what writes to it."""
    pattern = _pattern(name)
    if pattern is None:
        return "the name is not known here, so later assignments to it can't be seen", ""
    assert isinstance(call.func, ast.Attribute)
    for value in file.model.infer(call.func.value):
        for model, info in file.model.local_classes(value):
            if model is not file.model and any(re.fullmatch(pattern, n) for n in info.attributes):
                return f"`{info.node.name}` in another file assigns it", ""
    doubt = ""
    for node in file.model.walk.attributes:
        if re.fullmatch(pattern, node.attr):
            reason, more = _written(file, node)
            if reason:
                return reason, ""
            doubt = doubt or more
    for constant in file.model.walk.where:
        if (
            isinstance(constant, ast.Constant)
            and isinstance(constant.value, str)
            and constant is not name
            and re.fullmatch(pattern, constant.value)
            and _reaches_attribute(file.parent(constant))
        ):
            return f"line {constant.lineno} reaches it by its name", ""
    return "", doubt


def _reaches_attribute(parent: ast.AST) -> bool:
    if isinstance(parent, ast.Call):
        return getattr(parent.func, "id", "") in ("setattr", "getattr", "delattr")
    return isinstance(parent, ast.Subscript) and getattr(parent.value, "attr", "") in (
        "_buffers", "_parameters", "__dict__",
    )  # fmt: skip


def _written(file: File, node: ast.Attribute) -> tuple[str, str]:
    """Whether this use of the attribute writes to it, for sure or perhaps."""
    name, row = node.attr, node.lineno
    if not isinstance(node.ctx, ast.Load):
        return f"`{name}` is assigned in line {row}, which would replace the Variable", ""
    target: ast.AST = node
    parent = file.parent(node)
    while isinstance(parent, ast.Subscript) and parent.value is target:
        target, parent = parent, file.parent(parent)
        if isinstance(target, ast.Subscript) and not isinstance(target.ctx, ast.Load):
            return f"`{name}` is changed in place in line {row}", ""
    match parent:
        case ast.Attribute(attr=method) if _in_place(method) or method in ("data", "requires_grad"):
            return f"`{name}.{method}` in line {row} changes it in place", ""
        case ast.Compare(left=left, ops=ops) if left is target or not all(
            isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for op in ops
        ):
            return f"`{name}` is compared in line {row}, and a Variable compares otherwise", ""
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert() | ast.BoolOp() | ast.UnaryOp(
            op=ast.Not()
        ) if target is not getattr(parent, "body", None):
            return f"`{name}` is tested in line {row}, and a Variable is true whatever it holds", ""
        case ast.Subscript(slice=index) if index is target:
            return f"`{name}` is an index in line {row}, and a Variable can't be one", ""
        case ast.keyword(arg="out"):
            return f"`{name}` is written by `out=` in line {row}", ""
        case ast.Assign(targets=[ast.Name(id=alias)]) if target is parent.value:
            return _alias_written(file, parent, alias, name)
        case ast.keyword() | ast.Call():
            call = file.parent(parent) if isinstance(parent, ast.keyword) else parent
            if isinstance(call, ast.Call) and call.func is not target:
                return _passed(file, call, name)
    return "", ""


def _passed(file: File, call: ast.Call, name: str) -> tuple[str, str]:
    function = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if _in_place(function) or function in _WRITERS:
        return f"`{function}` in line {call.lineno} changes `{name}` in place", ""
    values = file.model.infer(call.func)
    if values and all(isinstance(value, External) for value in values):
        return "", ""
    if (isinstance(call.func, ast.Attribute) and not values) or hasattr(builtins, function):
        return "", ""
    return "", f"`{function}` in line {call.lineno} may change `{name}`"


def _alias_written(file: File, assigned: ast.Assign, alias: str, name: str) -> tuple[str, str]:
    scope = file.model.walk.where[assigned.value][0]
    changed = [b.row for b in scope.bindings.get(alias, []) if isinstance(b.node, ast.AugAssign)]
    for use in file.model.walk.names:
        if use.id == alias and file.model.walk.where[use][0] is scope:
            parent = file.parent(use)
            stored = isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load)
            if stored or (isinstance(parent, ast.Attribute) and _in_place(parent.attr)):
                changed.append(use.lineno)
    if changed:
        return f"`{name}` is changed in place in line {changed[0]}, as `{alias}`", ""
    return "", ""


def _in_place(method: str) -> bool:
    return method.endswith("_") and not method.endswith("__")


def _pattern(name: ast.expr) -> str | None:
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return re.escape(name.value)
    if isinstance(name, ast.JoinedStr):
        parts = [
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*"
            for part in name.values
        ]
        return "".join(parts) if any(part != ".*" for part in parts) else None
    return None
