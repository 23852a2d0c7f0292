"""Records do what `dataclasses` would do, as the type checker takes them for."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jaxport import records
from jaxport.findings import Position

Decorated = Callable[..., Any]


def classes(decorate: Decorated, field: Decorated) -> tuple[Any, Any, Any]:
    @decorate(frozen=True, order=True)
    class Point:
        x: int
        y: int = 2
        note: str = field(default="", compare=False)

    @decorate(frozen=True)
    class Named(Point):
        name: str = "here"

    @decorate
    class Bag:
        size: int
        items: list[int] = field(default_factory=list)
        double: int = field(init=False)

        def __post_init__(self) -> None:
            self.double = self.size * 2

    return Point, Named, Bag


KINDS = [
    classes(records.record, records.field), classes(dataclasses.dataclass, dataclasses.field),
]


@pytest.mark.parametrize("kinds", KINDS, ids=["records", "dataclasses"])
def test_a_record_is_a_dataclass(kinds: tuple[Any, Any, Any]) -> None:
    point, named, bag = kinds
    assert point(1) == point(1, y=2, note="other") and hash(point(1)) == hash(point(1, 2, "other"))
    assert point(1) < point(2) <= point(2) and not point(1) > point(1, 0).__class__(3)
    assert point(1) != named(1) and named(1, 2, "", "there").name == "there"
    assert {point(1): 3}[point(1, 2)] == 3
    first, second = bag(2), bag(size=2, items=[1])
    assert first.items == [] and first != second and first == bag(2) and first.double == 4
    assert bag(2).items is not bag(2).items
    with pytest.raises(TypeError):
        hash(first)
    with pytest.raises(TypeError):
        point()
    with pytest.raises(TypeError):
        point(1, z=2)
    assert repr(point(1)).endswith("Point(x=1, y=2, note='')")
    match point(5, 6):
        case point(x, y):
            assert (x, y) == (5, 6)


def test_a_copy_has_the_other_values() -> None:
    point, named, bag = KINDS[0]
    assert records.replace(named(1, name="a"), y=5) == named(1, 5, "", "a")
    assert records.replace(bag(2, [1]), size=3).items == [1]
    with pytest.raises(TypeError):
        records.replace(point(1), z=1)


def test_records_travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps(Position(1, 2))) == Position(1, 2)


def test_nothing_that_check_loads_takes_dataclasses() -> None:
    # `dataclasses.replace` fails on a record, and neither mypy nor a quick test would tell.
    root = Path(records.__file__).parent
    uses = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py") if "dataclasses" in path.read_text(encoding="utf-8")
        and path.parent.name != "parts"
    }
    assert uses == {"records.py", "verify.py"}
