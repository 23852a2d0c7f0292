"""Where findings stand, by names and code instead of rows, so that edits elsewhere don't matter."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from jaxport.check import Checked
from jaxport.findings import Position, Span
from jaxport.records import replace
from jaxport.results import FileResult, Place
from jaxport.rules.file_itself import UNCHECKED
from jaxport.source import SourceFile

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)
# White space, and the comma in front of a closing bracket.
_LAYOUT = re.compile(r"\s+|,\s*(?=[)\]}])")


def squeezed(code: str) -> str:
    """Code without what a formatter changes, to be compared."""
    return _LAYOUT.sub("", code).replace("'", '"')


def digest(code: str) -> str:
    """A short name for code, the same however it is laid out."""
    return hashlib.sha256(squeezed(code).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def real(path: Path) -> Path:
    """The path as everybody spells it. A link in the last place stays what it is."""
    path = path.absolute()
    return Path(_real_folder(path.parent), path.name)


@lru_cache(maxsize=4096)
def _real_folder(folder: Path) -> str:
    return os.path.realpath(folder)


def with_places(result: FileResult, checked: Checked, codes: frozenset[str]) -> FileResult:
    """The result of `checked` with the place of each finding, and the rules it speaks for.

    `codes` are the rules that are on. A file that could not be checked says nothing about them.
    """
    source = checked.source
    unchecked = source is None or any(item.code in UNCHECKED for item in result.findings)
    layout = _Layout(source) if source and result.findings else None
    findings = [
        replace(item, place=layout.place(found.span) if layout else Place(found.span.end.row))
        for item, found in zip(result.findings, checked.findings, strict=True)
    ]
    return replace(result, findings=findings, codes=codes & UNCHECKED if unchecked else codes)


class _Layout:
    """What stands in which rows of a file."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._lines = source.lines
        self._scopes = list(_scopes(source.tree))
        self._comments: dict[int, int] = {}
        self._statements: dict[int, range] = {}
        first = 0
        for token in source.tokens:
            row = token.start[0]
            if token.type == tokenize.COMMENT:
                self._comments[row] = token.start[1]
            elif token.type == tokenize.NEWLINE:
                rows = range(first, row + 1)
                self._statements.update(dict.fromkeys(rows, rows))
                first = 0
            elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
                first = first or row

    def place(self, span: Span) -> Place:
        """The place of a finding. Of a block it is the head: what is in it is not the finding's."""
        rows = range(span.start.row, span.end.row + 1)
        statement = self._statements.get(rows.start, rows)
        last = min(span.end.row, statement.stop - 1)
        text = self._code(range(rows.start, last + 1))
        whole = self._code(statement)
        more = squeezed(whole) != squeezed(text)
        end = self._source.in_file(Span(span.start, Position(last, 0))).end
        return Place(end.row, self._scope(rows.start), text, digest(whole) if more else "")

    def _code(self, rows: range) -> str:
        lines = [self._lines[row - 1][: self._comments.get(row)] for row in rows
                 if row <= len(self._lines)]
        return " ".join(" ".join(line.rstrip().removesuffix("\\") for line in lines).split())

    def _scope(self, row: int) -> str:
        around = [(rows.start, name) for rows, name in self._scopes if row in rows]
        return max(around, default=(0, ""))[1]


def _scopes(tree: ast.Module) -> Iterator[tuple[range, str]]:
    """The rows and the dotted name of each function and class."""
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, name = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _DEFINITIONS):
                inner = f"{name}.{child.name}".lstrip(".")
                yield range(child.lineno, (child.end_lineno or child.lineno) + 1), inner
                stack.append((child, inner))
            elif isinstance(child, _HOLDERS):
                stack.append((child, name))
