"""Which variables may hold the same memory at one place of a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Literal

from jaxport.records import record, replace

Sort = Literal["new", "old", "parameter", "outside", "changed", "twice"]
_DEPTH = 2


@record(frozen=True)
class Cell:
    """A piece of memory, or a mark on what holds it.

    `of` is the expression that makes it, and `old` what an earlier turn of a loop made there. A
    `parameter` or what is `outside` has a name. `places` tell the parts of it that can't overlap.
    `changed` marks what torch sees change at the node `of`, `twice` what can hold one tensor twice.
    """

    of: ast.AST | str
    sort: Sort = "new"
    places: tuple[int, ...] = ()

    @property
    def is_mark(self) -> bool:
        return self.sort in ("changed", "twice")

    def overlaps(self, other: Cell) -> bool:
        if self.sort != other.sort or self.is_mark:
            return False
        if self.of != other.of and not (_inside(self.of, other.of) or _inside(other.of, self.of)):
            return False
        both = min(len(self.places), len(other.places))
        return self.places[:both] == other.places[:both]


Memory = frozenset[Cell]
NOTHING: Memory = frozenset()
TWICE = Cell("", "twice")


def _inside(one: ast.AST | str, other: ast.AST | str) -> bool:
    """Whether the first is the name of an attribute of the other, at any depth."""
    return isinstance(one, str) and isinstance(other, str) and one.startswith(f"{other}.")


def overlap(one: Memory, other: Memory) -> bool:
    return any(left.overlaps(right) for left in one for right in other)


def union(memories: Iterable[Memory]) -> Memory:
    return NOTHING.union(*memories)


def together(memories: list[Memory]) -> Memory:
    """The memory of a container with these items."""
    found = union(memories)
    both = any(overlap(one, other) for index, one in enumerate(memories)
               for other in memories[:index])
    return found | {TWICE} if both else found


def part(memory: Memory, index: int) -> Memory:
    """The memory of the item at `index`: no other item has it, if nothing is there twice."""
    if TWICE in memory:
        return memory
    return frozenset(
        cell if cell.is_mark or len(cell.places) >= _DEPTH
        else replace(cell, places=(*cell.places, index))
        for cell in memory
    )


class State:
    """What each variable holds: a name, an attribute as `self.x`, or a value not used yet."""

    def __init__(self, held: dict[str | ast.AST, Memory] | None = None) -> None:
        self.held = dict(held or {})

    def copy(self) -> State:
        return State(self.held)

    def joined(self, other: State) -> State:
        """What can be held where two ways meet."""
        found = State(self.held)
        for key, memory in other.held.items():
            found.held[key] = found.held.get(key, NOTHING) | memory
        return found

    def bind(self, key: str, memory: Memory) -> None:
        for old in [item for item in self.held if isinstance(item, str) and _inside(item, key)]:
            del self.held[old]
        self.held[key] = memory

    def absorb(self, holder: Memory, memory: Memory, contains: Callable[[Cell], bool]) -> None:
        """Something is put into the container `holder`: all that hold it see that."""
        container = frozenset(cell for cell in holder if contains(cell))
        for key, held in self.held.items():
            if overlap(held, container):
                self.held[key] = together([held, memory])

    def renew(self, node: ast.AST, given: Memory = NOTHING) -> Memory:
        """New memory, made at `node`, with what is `given` on; what was made there is old now."""
        self.held[node] = given
        for key, held in self.held.items():
            if any(cell.of is node and cell.sort == "new" for cell in held):
                self.held[key] = frozenset(
                    replace(cell, sort="old") if cell.of is node and cell.sort == "new" else cell
                    for cell in held
                )
        return self.held.pop(node) | {Cell(node)}

    def change(self, node: ast.AST, memory: Memory, but: Iterable[str | ast.AST]) -> None:
        """The memory changes at `node`: all that hold it see that, `but` those left out."""
        for key, held in self.held.items():
            if key not in but and overlap(held, memory) and not any(
                isinstance(item, str) and _inside(item, key) for item in but
            ):
                self.held[key] = held | {Cell(node, "changed")}
