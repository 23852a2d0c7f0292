"""Calls of torch functions, tensor methods and layers, written as their rows and parts say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

import libcst

from jaxport.hooks.context import HookContext, expression, keyword
from jaxport.plans import FormCall, LayerCall
from jaxport.tables.constants import KEYWORD_ALIASES
from jaxport.tables.forms import ROOTS

_PLACE = re.compile(r"\{(\*?)(\w+)(\??)\}")
_PART = re.compile(r"@(\w+)")
_ATOMS = (
    libcst.Name, libcst.Attribute, libcst.Call, libcst.Subscript, libcst.Integer, libcst.List,
    libcst.SimpleString, libcst.FormattedString, libcst.Dict, libcst.Set, libcst.ListComp,
)  # fmt: skip


def convert_form(node: libcst.Call, ctx: HookContext) -> libcst.BaseExpression:
    """A call of torch as the row in `ctx.plan` writes it; `node` itself where it has no place."""
    plan = ctx.plan
    assert isinstance(plan, FormCall)
    given = _bound(node, plan)
    if given is None:
        return node
    filled = _filled(plan, given)
    made = expression(_PART.sub(r"_part_\1", filled))
    if isinstance(made, libcst.Name) and made.value.startswith("_at_"):
        return _operand(given[made.value[4:]][0].value)
    result = cast(libcst.BaseExpression, made.visit(_Substitute(given, plan, ctx)))
    return _operand(result) if plan.operand else result


def convert_layer(node: libcst.Call, ctx: HookContext) -> libcst.Call:
    """A constructor with its new name, and with `rngs` where it needs random numbers."""
    plan = ctx.plan
    assert isinstance(plan, LayerCall)
    function = expression(plan.name) if plan.name else node.func
    arguments = list(node.args)
    if plan.rngs:
        at = next((i for i, item in enumerate(arguments) if item.star == "**"), len(arguments))
        arguments = _inserted(arguments, at, keyword("rngs", expression(plan.rngs)))
    return node.with_changes(func=function, args=arguments)


def _inserted(arguments: list[libcst.Arg], at: int, new: libcst.Arg) -> list[libcst.Arg]:
    """`arguments` with `new` at place `at`, laid out as the others are."""
    comma = libcst.Comma(whitespace_after=libcst.SimpleWhitespace(" "))
    if at < len(arguments):
        return [*arguments[:at], new.with_changes(comma=comma), *arguments[at:]]
    if not arguments:
        return [new]
    last = arguments[-1]
    if isinstance(last.comma, libcst.Comma):  # a trailing comma: each on a line of its own
        before = arguments[-2].comma if len(arguments) > 1 else libcst.MaybeSentinel.DEFAULT
        between, closing = before if isinstance(before, libcst.Comma) else comma, last.comma
        old, end = between.whitespace_after, closing.whitespace_after
        if isinstance(old, libcst.ParenthesizedWhitespace) and isinstance(
            end, libcst.ParenthesizedWhitespace
        ):  # the comment of the last argument stays with it
            between = between.with_changes(
                whitespace_after=old.with_changes(first_line=end.first_line, empty_lines=[])
            )
            bare = end.first_line.with_changes(
                comment=None, whitespace=libcst.SimpleWhitespace("")
            )
            closing = closing.with_changes(whitespace_after=end.with_changes(first_line=bare))
        return [*arguments[:-1], last.with_changes(comma=between), new.with_changes(comma=closing)]
    before = arguments[-2].comma if len(arguments) > 1 else comma
    between = before if isinstance(before, libcst.Comma) else comma
    spread = last.with_changes(
        comma=between, whitespace_after_arg=libcst.SimpleWhitespace("")
    )
    return [*arguments[:-1], spread,
            new.with_changes(whitespace_after_arg=last.whitespace_after_arg)]


def _bound(node: libcst.Call, plan: FormCall) -> dict[str, list[libcst.Arg]] | None:
    arguments = list(node.args)
    if plan.method:
        assert isinstance(node.func, libcst.Attribute)
        arguments.insert(0, libcst.Arg(node.func.value))
    positional = [item for item in arguments if item.keyword is None]
    found: dict[str, list[libcst.Arg]] = {}
    named = {parameter.name for parameter in plan.parameters}
    for parameter in plan.parameters:
        if parameter.keyword_only:
            continue
        if parameter.variadic:
            found[parameter.name], positional = positional, []
        elif positional:
            found[parameter.name] = [positional.pop(0)]
    if positional:
        return None
    for item in arguments:
        if item.keyword is not None:
            name = item.keyword.value
            if name not in named:
                name = KEYWORD_ALIASES.get(name, name)
            found[name] = [
                item.with_changes(keyword=None, equal=libcst.MaybeSentinel.DEFAULT)
            ]
    return found


def _filled(plan: FormCall, given: Mapping[str, Sequence[libcst.Arg]]) -> str:
    """The row's expression with a name for each placeholder, defaults put in as text."""
    defaults = {item.name: item.default for item in plan.parameters}
    variadic = {item.name for item in plan.parameters if item.variadic}

    def place(match: re.Match[str]) -> str:
        star, name, optional = match.groups()
        if name == "key":
            return plan.key
        if name in variadic:
            return f"_star_{name}" if star else f"_tuple_{name}"
        if name in given:
            return f"_at_{name}"
        return "_gone_" if optional else str(defaults[name])

    return _PLACE.sub(place, plan.template)


class _Substitute(libcst.CSTTransformer):
    """Puts the arguments where the placeholders stand, in parentheses where they need them."""

    def __init__(
        self, given: Mapping[str, Sequence[libcst.Arg]], plan: FormCall, ctx: HookContext
    ) -> None:
        self.given = given
        self.ctx = ctx
        self.parts = dict(plan.parts)

    def leave_Call(
        self, original_node: libcst.Call, updated_node: libcst.Call
    ) -> libcst.BaseExpression:
        arguments: list[libcst.Arg] = []
        for old, new in zip(original_node.args, updated_node.args, strict=True):
            name = old.value.value if isinstance(old.value, libcst.Name) else ""
            if name == "_gone_":
                continue
            if name.startswith("_star_"):
                arguments += [_plain(item) for item in self.given[name[6:]]]
                continue
            if name.startswith("_at_"):
                value = self.given[name[4:]][0].value
                if not isinstance(value, libcst.GeneratorExp):
                    value = _bare(value)
                new = new.with_changes(value=value)
            arguments.append(new)
        if arguments:
            arguments[-1] = arguments[-1].with_changes(comma=libcst.MaybeSentinel.DEFAULT)
        return updated_node.with_changes(args=arguments)

    def leave_Name(
        self, original_node: libcst.Name, updated_node: libcst.Name
    ) -> libcst.BaseExpression:
        name = original_node.value
        if name.startswith("_at_"):
            return _operand(self.given[name[4:]][0].value)
        if name.startswith("_tuple_"):
            return self._tuple(self.given[name[7:]])
        if name.startswith("_part_"):
            return expression(self.parts.get(name[6:], name[6:]))
        if name in ROOTS and ROOTS[name] in self.ctx.names:
            return expression(self.ctx.names[ROOTS[name]])
        return updated_node

    def leave_Attribute(
        self, original_node: libcst.Attribute, updated_node: libcst.Attribute
    ) -> libcst.BaseExpression:
        # The name behind the dot is no placeholder and no module.
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: libcst.Arg, updated_node: libcst.Arg) -> libcst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    @staticmethod
    def _tuple(arguments: Sequence[libcst.Arg]) -> libcst.BaseExpression:
        if len(arguments) == 1 and arguments[0].star:
            return arguments[0].value
        if len(arguments) == 1 and not _number(arguments[0].value):
            return _operand(arguments[0].value)
        elements = [
            libcst.StarredElement(item.value) if item.star else libcst.Element(_bare(item.value))
            for item in arguments
        ]
        return libcst.Tuple(elements, lpar=[libcst.LeftParen()], rpar=[libcst.RightParen()])


def _number(node: libcst.BaseExpression) -> bool:
    """Whether a single argument is one size, and not a tuple of sizes."""
    return isinstance(node, (libcst.Integer, libcst.BinaryOperation, libcst.UnaryOperation))


def _plain(argument: libcst.Arg) -> libcst.Arg:
    return argument.with_changes(
        comma=libcst.MaybeSentinel.DEFAULT, whitespace_after_arg=libcst.SimpleWhitespace(""),
        value=_bare(argument.value),
    )


def _bare(node: libcst.BaseExpression) -> libcst.BaseExpression:
    """`node` as an argument of a call: what needs parentheses there keeps them."""
    if isinstance(node, (libcst.Yield, libcst.NamedExpr)) and not node.lpar:
        return _parenthesized(node)
    return node


def _operand(node: libcst.BaseExpression) -> libcst.BaseExpression:
    if node.lpar or isinstance(node, _ATOMS):
        return node
    if isinstance(node, libcst.Float) or (isinstance(node, libcst.Tuple) and node.lpar):
        return node
    return _parenthesized(node)


def _parenthesized(node: libcst.BaseExpression) -> libcst.BaseExpression:
    return node.with_changes(
        lpar=[libcst.LeftParen(), *node.lpar], rpar=[*node.rpar, libcst.RightParen()]
    )

