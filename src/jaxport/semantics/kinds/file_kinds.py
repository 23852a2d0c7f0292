"""The kinds of a file: what has been worked out, and what is being asked."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jaxport.semantics.kinds import variables
from jaxport.semantics.kinds.kind import UNKNOWN, Kinds
from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Binding, Class

_DEPTH = 60
_EFFORT = 2000


class FileKinds:
    """The kinds of the expressions of one file, worked out on demand.

    `read` works one out, and asks for the kinds of what it consists of in turn.
    """

    def __init__(self, model: Model, read: Callable[[FileKinds, ast.AST], Kinds]) -> None:
        self.model = model
        self._read = read
        self._known: dict[ast.AST, Kinds] = {}
        self._before: dict[ast.Name, list[Binding]] = {}
        # What is being worked out, by depth, and how far up the answers go that were asked for
        # again in the meantime: what depends on one of them is not the whole answer.
        self._asked: dict[object, int] = {}
        self._reached = _DEPTH
        # How much one question took so far, and the answers in it that are not the whole ones:
        # behind `_EFFORT` these are taken, since the same is asked again and again in circles.
        self._effort = 0
        self._partly: dict[ast.AST, Kinds] = {}
        self._variables: dict[Class, dict[str, str]] = {}
        self._loads: dict[ast.AST, dict[str, list[ast.Name]]] = {}

    def of(self, node: ast.AST) -> Kinds:
        """Everything that the expression can be; empty where nothing is known."""
        found = self._known.get(node)
        if found is not None:
            return found
        if len(self._asked) > _DEPTH:
            self._reached = 0
            return UNKNOWN
        if not self._asked:
            self._effort = 0
            self._partly.clear()
        if self._effort > _EFFORT and node in self._partly:
            self._reached = 0
            return self._partly[node]
        self._effort += 1
        with self.asking(node) as new:
            if not new:
                return UNKNOWN
            depth, outside = self._asked[node], self._reached
            self._reached = _DEPTH
            found = self._read(self, node)
            if found or self._reached >= depth:
                self._known[node] = found
            else:
                self._partly[node] = found
            self._reached = min(outside, self._reached)
        return found

    @contextmanager
    def asking(self, question: object) -> Iterator[bool]:
        """Whether `question` is new: not what an answer is being worked out for already."""
        depth = self._asked.get(question)
        if depth is not None:
            self._reached = min(self._reached, depth)
            yield False
            return
        self._asked[question] = len(self._asked)
        try:
            yield True
        finally:
            del self._asked[question]

    def before(self, node: ast.Name) -> list[Binding]:
        """The bindings that the name can see."""
        found = self._before.get(node)
        if found is None:
            found = self._before[node] = self.model.before(node)
        return found

    def names(self, node: ast.AST) -> set[str]:
        """The names of the kinds that the value can have."""
        return {kind.name for kind in self.of(node)}

    def is_tensor(self, node: ast.AST) -> bool:
        """Whether the value, where it is not None, is a tensor."""
        return self.names(node) - {"none"} == {"tensor"}

    def may_be_tensor(self, node: ast.AST) -> bool:
        return "tensor" in self.names(node)

    def may_be_module(self, node: ast.AST) -> bool:
        """Whether a torch module is among what the value is made by."""
        return any(
            self.model.value_role(value, "module") is not None for value in self.model.infer(node)
        )

    def variables(self, info: Class) -> dict[str, str]:
        """The parameters and buffers of a class by attribute: `parameter` or `buffer`."""
        if info not in self._variables:
            self._variables[info] = variables.variables(self.model, info)
        return self._variables[info]

    def loads(self, holder: ast.AST) -> dict[str, list[ast.Name]]:
        """Where `holder` reads each name."""
        if holder not in self._loads:
            found: dict[str, list[ast.Name]] = {}
            for node in ast.walk(holder):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    found.setdefault(node.id, []).append(node)
            self._loads[holder] = found
        return self._loads[holder]

    def elsewhere(self, model: Model) -> FileKinds:
        """The kinds of this or another file of the project, made once."""
        return made_once(model, self._read)


def made_once(model: Model, read: Callable[[FileKinds, ast.AST], Kinds]) -> FileKinds:
    """The kinds of the file of `model`, which keeps them."""
    found: FileKinds | None = model.__dict__.get("kinds")
    if found is None:
        found = model.__dict__["kinds"] = FileKinds(model, read)
    return found
