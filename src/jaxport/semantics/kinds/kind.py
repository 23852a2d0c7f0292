"""What a value can be, and what its items are then."""

from __future__ import annotations

from collections.abc import Iterable

from jaxport.records import record


@record(frozen=True)
class Kind:
    """What a value is.

    `name` is `tensor`, `int`, `float`, `bool`, `str`, `none`, `dtype`, `device`, `function`,
    `module`, `class`, `numpy`, `sequence` (with `places` or what `each` item is), `mapping`, or
    `other` for something that is certainly none of them.
    """

    name: str
    places: tuple[Kinds, ...] = ()
    each: Kinds = frozenset()


Kinds = frozenset[Kind]
UNKNOWN: Kinds = frozenset()


def only(name: str) -> Kinds:
    return frozenset([Kind(name)])


def sequence(each: Kinds) -> Kinds:
    """A sequence of any length."""
    return frozenset([Kind("sequence", each=each)])


def listed(places: Iterable[Kinds]) -> Kinds:
    """A sequence with these items."""
    return frozenset([Kind("sequence", tuple(places))])


def mapping(each: Kinds) -> Kinds:
    """A mapping with these values."""
    return frozenset([Kind("mapping", each=each)])


TENSOR = only("tensor")
INT = only("int")
NUMBERS = {"int", "float", "bool"}
SHAPE = sequence(INT)


def elements(kinds: Kinds) -> Kinds:
    """What iterating over a value of these kinds gives."""
    found: Kinds = UNKNOWN
    for kind in kinds:
        if kind.name == "tensor":
            found |= TENSOR
        elif kind.name == "sequence":
            found |= kind.each.union(*kind.places)
        elif kind.name == "mapping":
            found |= only("str")
    return found


def place(kinds: Kinds, index: int) -> Kinds:
    """What the item at `index` of a value of these kinds is."""
    found: Kinds = UNKNOWN
    for kind in kinds:
        if kind.places and -len(kind.places) <= index < len(kind.places):
            found |= kind.places[index]
        else:
            found |= elements(frozenset([kind]))
    return found
