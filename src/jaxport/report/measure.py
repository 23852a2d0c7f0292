"""One checked file as numbers that travel between processes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Literal

from jaxport.check import REPLACED, Checked, is_notebook
from jaxport.findings import Finding
from jaxport.records import field, record
from jaxport.semantics import project
from jaxport.source import SourceFile
from jaxport.tables import torch_names

# What a file still needs: `skipped` files ask in a comment to be left alone.
State = Literal["to do", "done", "neither", "skipped"]
_JAX = frozenset({"jax", "flax", "optax"})


@record
class Count:
    """Findings by who deals with them: `--fix`, otherwise `port`, otherwise a person."""

    fix: int = 0
    port: int = 0
    hand: int = 0

    @property
    def found(self) -> int:
        return self.fix + self.port + self.hand

    def add(self, other: Count) -> None:
        self.fix += other.fix
        self.port += other.port
        self.hand += other.hand


@record
class FileNumbers:
    """A file: lines that hold code, findings by code, and the files of the project it imports."""

    path: Path
    state: State
    lines: int = 0
    counts: dict[str, Count] = field(default_factory=dict)
    imports: frozenset[Path] = frozenset()


def measure(checked: Checked) -> FileNumbers:
    """The numbers of a checked file."""
    counts: dict[str, Count] = {}
    takes_port = not is_notebook(checked.path)
    for finding in checked.findings:
        counts.setdefault(finding.code, Count()).add(_count(finding, takes_port))
    source = checked.source
    if source is None:
        return FileNumbers(checked.path, "to do", counts=counts)
    path = checked.path.resolve()
    imports = list(project.imported(path, source.tree))
    names = [name for _, name, found in imports if found is None]
    return FileNumbers(
        checked.path, _state(source, bool(counts), names), _lines(source), counts,
        frozenset(found.resolve() for _, _, found in imports if found is not None) - {path},
    )  # fmt: skip


def _count(finding: Finding, takes_port: bool) -> Count:
    if finding.is_fixable:
        return Count(fix=1)
    by_port = takes_port and (finding.by_port or finding.code in REPLACED)
    return Count(port=int(by_port), hand=int(not by_port))


def _state(source: SourceFile, found: bool, names: list[str]) -> State:
    if found:
        return "to do"
    if source.skipped(noqa=True):
        return "skipped"
    if any(torch_names.is_torch(name) or name.split(".")[0] in _JAX for name in names):
        return "done"
    return "neither"


def _lines(source: SourceFile) -> int:
    """How many lines are neither blank nor a comment nor part of a docstring."""
    rows = {
        row for row, line in enumerate(source.lines, 1)
        if (text := line.strip()) and not text.startswith("#")
    }  # fmt: skip
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            rows.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(rows)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
