"""What a value can be. A value of unknown kind is in no set; rules ask, they never guess."""

from __future__ import annotations

from enum import IntEnum

from jaxport.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast

    from jaxport.semantics.model import Model
    from jaxport.semantics.scopes import Class, Scope


class Evidence(IntEnum):
    """How sure we are: only a `PROOF` lets a rewrite be safe."""

    NAME = 1
    USE = 2
    PROOF = 3

    @property
    def is_proof(self) -> bool:
        return self is Evidence.PROOF


@record(frozen=True)
class External:
    """An object of another package, by its qualified name."""

    name: str


@record(frozen=True)
class LocalClass:
    """A class of the project."""

    model: Model
    info: Class


@record(frozen=True)
class LocalFunction:
    """A function of the project; `receiver` where it is a bound method."""

    model: Model
    scope: Scope
    receiver: Instance | None = None


@record(frozen=True)
class LocalFile:
    """A file of the project, imported as a module."""

    model: Model


@record(frozen=True)
class Instance:
    """An instance of `of`, made by `call` where that is seen."""

    of: External | LocalClass
    evidence: Evidence = Evidence.PROOF
    call: ast.Call | None = None


@record(frozen=True)
class Items:
    """An iterable, or the like, whose items are `of`; `places` has them apart for a tuple."""

    of: frozenset[Value]
    places: tuple[frozenset[Value], ...] = ()


@record(frozen=True)
class Result:
    """What a call of an external function, or of a method of an external value, gives."""

    name: str
    call: ast.Call


@record(frozen=True)
class Literal:
    """A constant: its type's name, `None` for None."""

    kind: str


Value = External | LocalClass | LocalFunction | LocalFile | Instance | Items | Result | Literal
Values = frozenset[Value]
NOTHING: Values = frozenset()


def ordered(values: Values) -> list[Value]:
    """The values by their names, so that the first one is the same in every run."""
    return sorted(values, key=_named)


def _named(value: Value) -> tuple[str, str, int]:
    of = value.of if isinstance(value, Instance) else value
    if isinstance(of, LocalClass):
        node: ast.AST | None = of.info.node
    else:
        node = of.scope.node if isinstance(of, LocalFunction) else None
    name = getattr(of, "name", "") or getattr(node, "name", "") or getattr(of, "kind", "")
    return type(value).__name__, name, getattr(node, "lineno", 0)
