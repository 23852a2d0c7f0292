"""What answers about a file came from: its text, where its imports lead, and the same of others.

Models are shared, and remember what they were asked. So what a file used is kept for the file,
whoever asked; and where its imports lead means all of them, whether asked for or not.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from jaxport.records import record

# The fields that hold statements, or what holds some.
_STATEMENTS = ("body", "orelse", "handlers", "finalbody", "cases")


@record(frozen=True)
class Origin:
    """A file as it was read: a digest of its content, and what it imports, each on a line.

    `stamp` is another one wherever the content is, or where one of the imports leads. It is empty
    where the file could not be read, or had two contents.
    """

    content: str
    imports: str
    stamp: str


NONE = Origin("", "", "")


class Origins:
    """What was read in this process, while it is `on`."""

    def __init__(self) -> None:
        self.on = False
        self._read: dict[Path, Origin] = {}
        self._used: dict[Path, set[Path]] = defaultdict(set)

    def clear(self) -> None:
        """Begin anew, switched off."""
        self.on = False
        self._read.clear()
        self._used.clear()

    def add(self, path: Path, origin: Origin) -> None:
        """The file at `path` was read."""
        self._read[path] = origin if self._read.get(path, origin) == origin else NONE

    def used_by(self, path: Path) -> set[Path]:
        """The files that the meaning of `path` is read from, for who reads them to add to."""
        return self._used[path] if self.on else set()

    def of(self, path: Path) -> dict[Path, Origin]:
        """All files that an answer about `path` came from, itself first; none if one can't tell."""
        found: dict[Path, Origin] = {}
        paths = [path]
        for path in paths:  # grows
            if path not in found:
                found[path] = self._read.get(path, NONE)
                paths += sorted(self._used.get(path, ()))
        return found if all(origin.stamp for origin in found.values()) else {}


origins = Origins()


def imports(tree: ast.Module) -> str:
    """All that the file can import, a line each: `torch.nn`, or `..layers` with its dots."""
    found: dict[str, None] = {}
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # grows
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                found.update((".".join(parts[: end + 1]), None) for end in range(len(parts)))
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            dot = "." * bool(node.module)
            found[module] = None
            found.update((f"{module}{dot}{alias.name}", None) for alias in node.names)
        else:
            nodes += parts_of(node)
    return "\n".join(found)


def parts_of(node: ast.AST) -> list[ast.AST]:
    """The statements in the blocks of a statement, and what holds some, as a handler does."""
    return [part for field in _STATEMENTS for part in getattr(node, field, ())]


def digest(data: bytes) -> str:
    try:
        from _blake2 import blake2b  # `hashlib` is the same, and loads OpenSSL
    except ImportError:
        from hashlib import blake2b

    return blake2b(data, digest_size=16).hexdigest()
