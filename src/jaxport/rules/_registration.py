"""What `register_buffer` and `register_parameter` share."""

from __future__ import annotations

import ast
import re

from jaxport.rules import File


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


def why_not_plain(file: File, receiver: ast.expr, name: ast.expr) -> str:
    """Why the attribute `name` can't hold a Variable: something writes to it later."""
    pattern = _pattern(name)
    if pattern is None:
        return "the name is not known here, so later assignments to it can't be seen"
    for node in file.model.walk.attributes:
        if not re.fullmatch(pattern, node.attr):
            continue
        parent = file.parent(node)
        row = node.lineno
        if not isinstance(node.ctx, ast.Load):
            return f"`{node.attr}` is assigned in line {row}, which would replace the Variable"
        target: ast.AST = node
        while isinstance(parent, ast.Subscript) and parent.value is target:
            target, parent = parent, file.parent(parent)
            if not isinstance(getattr(target, "ctx", ast.Load()), ast.Load):
                return f"`{node.attr}` is changed in place in line {row}"
        if isinstance(parent, ast.Attribute):
            method = parent.attr
            if (method.endswith("_") and not method.endswith("__")) or method in (
                "data", "requires_grad", "resize_", "set_",
            ):  # fmt: skip
                return f"`{node.attr}.{method}` in line {row} changes it in place"
        if isinstance(parent, ast.Compare) and any(
            isinstance(item, ast.Constant) and item.value is None for item in parent.comparators
        ):
            return f"`{node.attr}` is compared with None in line {row}, and a Variable never is"
        if isinstance(parent, ast.keyword) and parent.arg == "out":
            return f"`{node.attr}` is written by `out=` in line {row}"
    return ""


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
