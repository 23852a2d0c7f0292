"""What a hook needs to know, and how it leaves a statement alone and says why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import libcst

from jaxport.plans import Plan
from jaxport.records import field, record

_WIDTH = 100


@record(frozen=True)
class HookContext:
    """What the hooks can't see in the node itself.

    Args:
        dialect: `nnx` writes what runs on Flax NNX, `switcheroo` the spec's forms.
        names: how the file spells a module: `{"flax.nnx": "nnx"}` after `from flax import nnx`.
        callee: the qualified name of the called object, where the node does not spell it.
        bound: the names that have a value at the node; None takes all that the spec assumes.
        escape: why the node can't be ported; the hook then leaves it and says so.
        plan: how the training step that the node belongs to is written.
        indent: one level of indentation in the file.
    """

    dialect: Literal["nnx", "switcheroo"] = "nnx"
    names: Mapping[str, str] = field(default_factory=dict)
    callee: str = ""
    bound: frozenset[str] | None = None
    escape: str = ""
    plan: Plan | None = None
    indent: str = "    "

    def name(self, qualified: str) -> libcst.BaseExpression:
        """`flax.nnx.Param`, as the file spells it."""
        for module in sorted(self.names, key=len, reverse=True):
            if qualified == module or qualified.startswith(module + "."):
                return expression(self.names[module] + qualified[len(module) :])
        return expression(qualified)

    def text(self, qualified: str) -> str:
        """`name` as source text."""
        return code(self.name(qualified))

    def source(self, text: str) -> str:
        """`text` with `optax.` and `jax.numpy.` as the file spells them."""
        for module in ("optax", "jax.numpy"):
            text = re.sub(rf"(?<![\w.]){re.escape(module)}\.", f"{self.text(module)}.", text)
        return text

    def has(self, *names: str) -> bool:
        """Whether all of `names` have a value at the node."""
        return self.bound is None or self.bound.issuperset(names)


class EscapeHatch:
    """A statement that stays as it is, with the reason in a comment above it."""

    @staticmethod
    def mark(call: libcst.Call, code: str, reason: str) -> libcst.FlattenSentinel[
        libcst.BaseStatement
    ]:
        """`call` as a statement under the comment `# jaxport: <code> not ported: <reason>`."""
        comment = libcst.Comment(f"# jaxport: {code} not ported: {reason}")
        return libcst.FlattenSentinel([
            libcst.SimpleStatementLine(
                [libcst.Expr(call)], leading_lines=[libcst.EmptyLine(comment=comment)]
            )
        ])


def expression(text: str) -> libcst.BaseExpression:
    return libcst.parse_expression(text)


def code(node: libcst.CSTNode) -> str:
    """The source text of `node`."""
    return libcst.Module([]).code_for_node(node)


def laid_out(node: libcst.BaseExpression, column: int, indent: str, unit: str) -> str:
    """The source text of `node`, a call's arguments on lines of their own where it gets long.

    `column` is where it starts on its line, `indent` the indentation of that line.
    """
    text = code(node)
    fits = column + len(text) <= _WIDTH
    if fits or not isinstance(node, (libcst.Call, libcst.Dict)) or "\n" in text:
        return text
    deeper = indent + unit
    parts = []
    if isinstance(node, libcst.Call):
        start, end = f"{code(node.func)}(", ")"
        for argument in node.args:
            before = f"{argument.keyword.value}=" if argument.keyword is not None else ""
            parts.append((argument.star + before, argument.value))
    else:
        start, end = "{", "}"
        for element in node.elements:
            if not isinstance(element, libcst.DictElement):
                return text
            parts.append((f"{code(element.key)}: ", element.value))
    lines = [
        f"{deeper}{before}{laid_out(value, len(deeper + before) + 1, deeper, unit)},"
        for before, value in parts
    ]
    return "\n".join([start, *lines, indent + end])


def call(function: libcst.BaseExpression, arguments: Sequence[libcst.Arg]) -> libcst.Call:
    return libcst.Call(function, arguments)


def positional(value: libcst.BaseExpression) -> libcst.Arg:
    return libcst.Arg(value)


def keyword(name: str, value: libcst.BaseExpression) -> libcst.Arg:
    """`name=value`, without spaces around the sign."""
    return libcst.Arg(
        value,
        libcst.Name(name),
        libcst.AssignEqual(libcst.SimpleWhitespace(""), libcst.SimpleWhitespace("")),
    )


def given(node: libcst.Call, names: Sequence[str]) -> dict[str, libcst.BaseExpression] | None:
    """The arguments of `node` by name; None where stars or unknown names hide them."""
    found: dict[str, libcst.BaseExpression] = {}
    for index, argument in enumerate(node.args):
        if argument.star or (argument.keyword is None and index >= len(names)):
            return None
        name = argument.keyword.value if argument.keyword is not None else names[index]
        if name not in names or name in found:
            return None
        found[name] = argument.value
    return found


def receiver(node: libcst.Call, method: str) -> libcst.BaseExpression | None:
    """`x` of `x.method(...)`; None where `node` is another call."""
    func = node.func
    if isinstance(func, libcst.Attribute) and func.attr.value == method:
        return func.value
    return None
