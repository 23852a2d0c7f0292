"""Which form of a function fits a call."""

from __future__ import annotations

import ast
from typing import Literal

from jaxport.semantics.kinds.file_kinds import FileKinds
from jaxport.semantics.kinds.literals import NOT_CONSTANT, constant
from jaxport.tables.constants import KEYWORD_ALIASES
from jaxport.tables.forms import Parameter, Row

_WANTED = {
    "Tensor": {"tensor"}, "int": {"int", "bool"}, "float": {"float", "int"},
    "number": {"int", "float", "bool"}, "bool": {"bool"}, "str": {"str"}, "dtype": {"dtype"},
    "device": {"device", "str"}, "shape": {"sequence"}, "list[Tensor]": {"sequence"},
    "None": {"none"}, "list[int]": {"sequence", "numpy"}, "function": {"function", "class"},
}  # fmt: skip
_Verdict = Literal["yes", "maybe", "no"]


def chosen(
    kinds: FileKinds, overloads: tuple[Row, ...], call: ast.Call, method: bool
) -> Row | None:
    """The first overload that the arguments fit; None where none does, or it can't be told."""
    doubts = [(row, _doubtful(kinds, row, call, method)) for row in overloads]
    fitting = [(row, names) for row, names in doubts if names is not None]
    for row, names in fitting:
        # A doubt that all of them share decides nothing.
        if all(
            {item.annotation for item in other.parameters if item.name == name}
            <= {item.annotation for item in row.parameters if item.name == name}
            for name in names for other, _ in fitting
        ):
            return row
    return None


def bound(row: Row, call: ast.Call, method: bool) -> dict[str, list[ast.expr]] | None:
    """The arguments of `call` by parameter; None where the signature has no place for one."""
    given: list[ast.expr] = list(call.args)
    if method:
        assert isinstance(call.func, ast.Attribute)
        given.insert(0, call.func.value)
    found: dict[str, list[ast.expr]] = {}
    places = [item for item in row.parameters if not item.keyword_only]
    for parameter in places:
        if parameter.variadic:
            found[parameter.name] = given
            given = []
        elif given:
            if isinstance(given[0], ast.Starred):
                return None
            found[parameter.name] = [given.pop(0)]
    if given:
        return None
    named = {item.name: item for item in row.parameters}
    for keyword in call.keywords:
        name = keyword.arg
        if name not in named:
            name = KEYWORD_ALIASES.get(name or "")
        if name is None or name not in named:
            return None
        if found.get(name):
            return None
        found[name] = [keyword.value]
    for parameter in row.parameters:
        if not found.get(parameter.name) and parameter.default is None and not parameter.variadic:
            return None
    return found


def _doubtful(kinds: FileKinds, row: Row, call: ast.Call, method: bool) -> set[str] | None:
    """The parameters whose argument may be of another kind; None where the row does not fit."""
    given = bound(row, call, method)
    if given is None:
        return None
    doubts: set[str] = set()
    for index, parameter in enumerate(row.parameters):
        for argument in given.get(parameter.name, ()):
            if _computed_again(row, parameter, argument):
                return None
            if method and index == 0:
                continue
            verdict = _agrees(kinds, argument, parameter)
            if verdict == "no":
                return None
            if verdict == "maybe":
                doubts.add(parameter.name)
    return doubts


def _computed_again(row: Row, parameter: Parameter, argument: ast.expr) -> bool:
    """Whether the form would compute the argument more than once."""
    return row.jax.count(f"{{{parameter.name}}}") > 1 and any(
        isinstance(node, ast.Call) for node in ast.walk(argument)
    )


def _agrees(kinds: FileKinds, argument: ast.expr, parameter: Parameter) -> _Verdict:
    if parameter.literals is not None:
        return "yes" if _is_one_of(argument, parameter.literals) else "no"
    wanted: set[str] = set()
    for name in parameter.annotation.split(" | "):
        if name == "any":
            return "yes"
        wanted |= _WANTED.get(name.strip(), {name.strip()})
    if isinstance(argument, ast.Starred):
        return "yes" if parameter.variadic else "no"
    if parameter.variadic:
        wanted.add("sequence")
    names = kinds.names(argument)
    if not names:
        return "maybe"
    if names <= wanted:
        return "yes"
    return "maybe" if names & wanted else "no"


def _is_one_of(argument: ast.expr, literals: tuple[object, ...]) -> bool:
    value = constant(argument)
    return value is not NOT_CONSTANT and any(
        value is item or (value == item and type(value) is type(item)) for item in literals
    )
