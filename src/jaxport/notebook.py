"""Jupyter notebooks: the code cells as one program, and the program back in its cells.

In the program a comment stands in front of each cell, and stands in for each line that is IPython's
rather than Python's. A new text that has not the same ones at the same places is refused, so no
rewrite can move anything from cell to cell. Back in the notebook, the `source` of a cell that
changed is all that is replaced.
"""

from __future__ import annotations

import codecs
import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxport.findings import Finding, Position, Span
from jaxport.records import record, replace
from jaxport.source import SourceError, SourceFile, parse_tree, split_lines

# Cell magics that run the rest of their cell as the notebook's own code.
_PYTHON = frozenset({"capture", "prun", "time"})
# Those whose cell is no code of the notebook's: another language, another process, a file.
_FOREIGN = frozenset((
    "!", "HTML", "R", "SVG", "bash", "bigquery", "cmd", "cython", "dot", "file", "html",
    "javascript", "js", "julia", "latex", "markdown", "perl", "pypy", "python", "python2",
    "python3", "rscript", "ruby", "script", "sh", "shell", "sql", "svg", "sx", "system",
    "writefile",
))  # fmt: skip
# Line magics that run no Python of the notebook's. What `%` and another name does is not known.
_INERT = frozenset((
    "alias", "autoreload", "autosave", "cat", "cd", "colors", "conda", "config", "cp", "dirs",
    "env", "history", "load_ext", "logstart", "logstop", "ls", "lsmagic", "magic", "mamba",
    "man", "matplotlib", "micromamba", "mkdir", "more", "mv", "notebook", "page", "pastebin",
    "pdb", "pdoc", "pfile", "pinfo", "pinfo2", "pip", "popd", "precision", "psource", "pushd",
    "pwd", "reload_ext", "rm", "rmdir", "save", "sc", "set_env", "sx", "system", "tensorboard",
    "unalias", "unload_ext", "uv", "watermark", "who", "who_ls", "whos", "xmode",
))  # fmt: skip
_CELL_MAGIC = re.compile(r"\s*%%(\S*)")
_LINE_MAGIC = re.compile(r"[ \t]*(?:[!?]|%(?P<name>\S*))")
_ASSIGNED = re.compile(r"(?:[^=#'\"\r\n\[]|\[[^\]\r\n]*\])+=[ \t]*(?=!|%\w)")
_CONTINUED = re.compile(r"(?:[^\n]*\\\r?\n)*[^\n]*\n?")
# What decides where a line of Python ends: strings, comments, brackets and line ends.
_PIECE = re.compile(
    r"(?P<quotes>\"\"\"|''')(?:\\.|.)*?(?:(?P=quotes)|\Z)"
    r"|\"(?:\\.|[^\"\\\r\n])*\"?|'(?:\\.|[^'\\\r\n])*'?"
    r"|\#[^\r\n]*|\\\r?\n|\r\n|[\r\n]|[()\[\]{}]",
    re.DOTALL,
)
# An escape that only a writer that keeps to ASCII has a use for.
_ESCAPED = re.compile(r"\\u(?!00[01])[0-9a-fA-F]{4}")
_LINE_NAMED = re.compile(r"\bline (\d+)\b")


@record(frozen=True)
class Cell:
    """A code cell: its number among all cells, its text, and where that is in the document."""

    number: int
    text: str
    start: int
    end: int


@record(frozen=True)
class Notebook(SourceFile):
    """A notebook, whose `text` is the program that its code cells make."""

    document: str = ""
    cells: tuple[Cell, ...] = ()
    mark: str = ""
    originals: tuple[str, ...] = ()
    unseen: str = ""

    def encode(self, text: str) -> bytes:
        """The notebook with the cells that `text` has."""
        parts = []
        done = 0
        for cell, (_, new) in zip(self.cells, self.sections(text), strict=True):
            if new != cell.text:
                parts += [self.document[done : cell.start], _source(self.document, cell, new)]
                done = cell.end
        return self.bom + "".join([*parts, self.document[done:]]).encode()

    def with_text(self, text: str) -> Notebook:
        """The same notebook with another program. Raises SourceError where it has other cells."""
        if self._marks(split_lines(text)) != self._marks(self.lines):
            raise SourceError("JXP006", "lines moved between cells, or around a magic")
        parts = []
        for cell, old, new in zip(
            self.cells, self._split(self.text), self._split(text), strict=True
        ):
            if new != old:
                parse_tree(new)
                new = _trimmed(old, new)
            parts.append(self._opening(cell) + new)
        changed = super().with_text("".join(parts))
        assert isinstance(changed, Notebook)
        return changed

    def sections(self, text: str) -> list[tuple[str, str]]:
        """The cells of `text`, each with what stands behind the notebook's path in front of it."""
        pattern = re.compile(rf"(?:(?:pass|get_ipython\(\))  )?# {self.mark} (\d+)(?=[\r\n]|\Z)")
        return [
            (f":cell {cell.number}",
             pattern.sub(lambda found: self.originals[int(found[1])], part).removesuffix(
                 self._newline))
            for cell, part in zip(self.cells, self._split(text), strict=True)
        ]  # fmt: skip

    def place(self, span: Span) -> Span:
        """The span in the cell that it starts in."""
        return Span(self._in_cell(span.start), self._in_cell(span.end))

    def in_file(self, span: Span) -> Span:
        """The lines of JSON that hold the lines of the span, or start the cell's text."""
        start, end = (self._document_row(self._in_cell(at)) for at in (span.start, span.end))
        return Span(Position(start, 0), Position(max(start, end), 0))

    def excerpt(self, span: Span) -> list[str]:
        """The lines of the span, as the notebook has them."""
        start, end = self._in_cell(span.start), self._in_cell(span.end)
        return self._lines_of.get(start.cell, [])[start.row - 1 : end.row]

    def adapted(self, finding: Finding) -> Finding:
        """The finding, with lines named by their cell.

        Where some of the notebook's code can't be seen, no rewrite is safe.
        """
        message, rewrite = self._named(finding.message), finding.rewrite
        if rewrite is not None:
            if self.unseen and rewrite.applicability == "safe":
                message += f" (unsafe here: {self.unseen})"
                rewrite = replace(rewrite, applicability="unsafe")
            rewrite = replace(rewrite, escape=self._named(rewrite.escape))
        return replace(finding, message=message, rewrite=rewrite)

    def is_divided(self, first: int, last: int) -> bool:
        """Whether a cell ends between the two rows, or a line that is not Python is there."""
        return bool(self._marks(self.lines[first - 1 : last]))

    # The program

    @property
    def _newline(self) -> str:
        return self.newline()  # every cell's comment ends like the first

    def _opening(self, cell: Cell) -> str:
        return f"# {self.mark} cell {cell.number}{self._newline}"

    def _split(self, text: str) -> list[str]:
        return re.split(rf"(?m)^# {self.mark} cell \d+\r?\n", text)[1:]

    def _marks(self, lines: list[str]) -> list[str]:
        return [line.rstrip("\r\n") for line in lines if f"# {self.mark}" in line]

    @cached_property
    def _rows(self) -> list[int]:
        """The row in front of each cell."""
        opening = f"# {self.mark} cell "
        return [row for row, line in enumerate(self.lines, 1) if line.startswith(opening)]

    @cached_property
    def _lines_of(self) -> dict[int, list[str]]:
        texts = (text for _, text in self.sections(self.text))
        return {
            cell.number: split_lines(text) for cell, text in zip(self.cells, texts, strict=True)
        }

    def _in_cell(self, at: Position) -> Position:
        if not self.cells:
            return at
        # An insertion in the row in front of a cell goes to the end of the one before it.
        index = max(bisect_left(self._rows, at.row) - 1, 0)
        return Position(max(at.row - self._rows[index], 1), at.column, self.cells[index].number)

    def _document_row(self, at: Position) -> int:
        cell = next((item for item in self.cells if item.number == at.cell), None)
        if cell is None:
            return 1
        offset = cell.start
        if self.document[offset] == "[":
            reader = _Json(self.document, offset)
            row = 1
            for _ in reader.items():
                offset = reader.next()
                row += reader.value().count("\n")
                if row > at.row:
                    break
        return self.document.count("\n", 0, offset) + 1

    def _named(self, message: str) -> str:
        def name(found: re.Match[str]) -> str:
            at = self._in_cell(Position(int(found[1]), 0))
            return f"line {at.row} of cell {at.cell}"

        return _LINE_NAMED.sub(name, message)


def parse(path: Path, data: bytes) -> Notebook:
    """The notebook in `data`. Raises SourceError where it is none."""
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        document = data[len(bom) :].decode()
        cells = _cells(document)
    except UnicodeDecodeError as error:
        row = data[: len(bom) + error.start].count(b"\n") + 1
        raise SourceError("JXP003", f"can't decode the file: {error.reason}", row) from None
    except json.JSONDecodeError as error:
        message = f"not a notebook: {error.msg}"
        raise SourceError("JXP001", message, error.lineno, error.colno - 1) from None
    except ValueError as error:
        raise SourceError("JXP001", f"not a notebook: {error}") from None
    except RecursionError:
        raise SourceError("JXP001", "nested too deeply to be parsed") from None
    return _Program(cells).notebook(path, document, bom)


class _Program:
    """Makes the program of the cells."""

    def __init__(self, cells: list[Cell]) -> None:
        self.cells = cells
        texts = [cell.text for cell in cells]
        self.mark = "jaxport-notebook"
        while any(self.mark in text for text in texts):
            self.mark += "-"
        self.newline = "\r\n" if any("\r\n" in text for text in texts) else "\n"
        self.originals: list[str] = []
        self.problems: list[Finding] = []
        self.mentions: list[str] = []
        self.unseen = ""

    def notebook(self, path: Path, document: str, bom: bytes) -> Notebook:
        parts: list[str] = []
        row = 1
        for cell in self.cells:
            parts.append(f"# {self.mark} cell {cell.number}{self.newline}")
            parts.append(self._python(cell, row) + self.newline)
            row += 1 + len(split_lines(parts[-1]))
        text = "".join(parts)
        return Notebook(
            path, text, split_lines(text), parse_tree(text), "utf-8", bom,
            tuple(self.problems), "\n".join(self.mentions),
            document, tuple(self.cells), self.mark, tuple(self.originals), self.unseen,
        )  # fmt: skip

    def _python(self, cell: Cell, row: int) -> str:
        """A cell as lines of Python; its comment is in `row`."""
        text, at = cell.text, 0
        while magic := _CELL_MAGIC.match(text, at):
            if magic[1] not in _PYTHON:
                if magic[1] not in _FOREIGN:
                    self._hide(text, f"`%%{magic[1]}` of cell {cell.number} may run Python")
                return self._instead(text)
            header = _CONTINUED.match(text, magic.end(1))
            assert header is not None
            at = header.end()
        lines = [self._line(line, cell.number) for line in _lines(text[at:])]
        python = "".join([self._instead(text[:at]), *lines])
        try:
            parse_tree(python)
        except SourceError as error:
            place = error.finding.span.start
            place = Position(row + place.row, place.column)
            self.problems.append(replace(error.finding, span=Span(place, place)))
            self._hide(text, f"cell {cell.number} is not read")
            return self._instead(text)
        return python

    def _line(self, text: str, cell: int) -> str:
        """A logical line, replaced where it is IPython's."""
        assigned = _ASSIGNED.match(text)
        magic = _LINE_MAGIC.match(text, assigned.end() if assigned else 0)
        if magic is None and not _asks_for_help(text):
            return text
        if magic and magic["name"] and magic["name"] not in _INERT:
            self._hide(text, f"`%{magic['name']}` of cell {cell} may run Python")
        elif "{" in text or "$" in text:
            self.mentions.append(text)  # IPython fills in names of the program
        if assigned:
            return self._instead(text, assigned[0], "get_ipython()")
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        return self._instead(text, indent, "pass" if indent else "")

    def _hide(self, text: str, why: str) -> None:
        self.mentions.append(text)
        self.unseen = self.unseen or why

    def _instead(self, text: str, head: str = "", code: str = "") -> str:
        """As many comments as `text` has lines, behind `head` and the code that stands for it."""
        made = [head, f"{code}  " if code else ""]
        for line in split_lines(text[len(head) :]):
            body = line.rstrip("\r\n")
            made.append(f"# {self.mark} {len(self.originals)}{line[len(body):]}")
            self.originals.append(body)
        return "".join(made)


def _lines(text: str) -> Iterator[str]:
    """The logical lines of a cell: each a statement's first part, or a magic."""
    at = 0
    while at < len(text):
        end = len(text)
        if _LINE_MAGIC.match(text, at) or _ASSIGNED.match(text, at):
            continued = _CONTINUED.match(text, at)
            assert continued is not None
            end = continued.end()
        else:
            depth = 0
            for piece in _PIECE.finditer(text, at):
                depth += (piece[0] in ("(", "[", "{")) - (piece[0] in (")", "]", "}"))
                if piece[0][0] in "\r\n" and depth <= 0:
                    end = piece.end()
                    break
        yield text[at:end]
        at = end


def _asks_for_help(line: str) -> bool:
    """Whether the line ends with a `?` that is in no comment and no string."""
    text = line.rstrip()
    return text.endswith("?") and not any(
        piece.end() == len(text) for piece in _PIECE.finditer(text)
    )


def _trimmed(old: str, new: str) -> str:
    """The new cell without blank lines at its ends where the old one has none."""
    if not old.startswith(("\r", "\n")):
        new = new.lstrip("\r\n")
    ending = old[len(old.rstrip("\r\n")) :]
    return new.rstrip("\r\n") + ending


# The document


class _Json:
    """A JSON text that is read piece by piece, so that the place of each piece is known."""

    _decoder = json.JSONDecoder()
    _space = re.compile(r"[ \t\r\n]*")

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at

    def next(self) -> int:
        """Where the next piece starts."""
        space = self._space.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.at

    def value(self) -> Any:
        value, self.at = self._decoder.raw_decode(self.text, self.next())
        return value

    def members(self) -> Iterator[str]:
        """The keys of an object; whoever takes one reads the value behind it."""
        self._take("{")
        if self._peek() == "}":
            self.at += 1
            return
        while True:
            self.next()
            if self._peek() != '"':
                raise json.JSONDecodeError("Expecting a name in double quotes", self.text, self.at)
            key = self.value()
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return

    def items(self) -> Iterator[int]:
        """The numbers, from 1, of the items of an array; whoever takes one reads the item."""
        self._take("[")
        if self._peek() == "]":
            self.at += 1
            return
        number = 1
        while True:
            yield number
            if self._take(",]") == "]":
                return
            number += 1

    def end(self) -> None:
        if self.next() != len(self.text):
            raise json.JSONDecodeError("Extra data", self.text, self.at)

    def _peek(self) -> str:
        at = self.next()
        return self.text[at : at + 1]

    def _take(self, wanted: str) -> str:
        char = self._peek()
        if not char or char not in wanted:
            names = " or ".join(f"'{item}'" for item in wanted)
            raise json.JSONDecodeError(f"Expecting {names}", self.text, self.at)
        self.at += 1
        return char


def _cells(document: str) -> list[Cell]:
    """The code cells that hold Python. Raises ValueError where the text is no notebook."""
    reader = _Json(document)
    cells: list[Cell] | None = None
    version, metadata = None, None
    for key in reader.members():
        if key == "cells":
            cells = [cell for number in reader.items() for cell in _cell(reader, number)]
            continue
        value = reader.value()
        if key == "metadata":
            metadata = value
        elif key == "nbformat":
            version = value
    reader.end()
    if isinstance(version, int) and version < 4:
        raise ValueError(f"format {version} is too old, `jupyter nbconvert` brings it to format 4")
    if cells is None:
        raise ValueError("it has no cells")
    names = [_at(metadata, "kernelspec", "language"), _at(metadata, "language_info", "name")]
    return cells if all(map(_is_python, names)) else []


def _cell(reader: _Json, number: int) -> Iterator[Cell]:
    kind, metadata, source = None, None, None
    start = end = 0
    for key in reader.members():
        at = reader.next()
        value = reader.value()
        if key == "cell_type":
            kind = value
        elif key == "metadata":
            metadata = value
        elif key == "source":
            source, start, end = value, at, reader.at
    if kind != "code" or not _is_python(_at(metadata, "vscode", "languageId")):
        return
    lines = [source] if isinstance(source, str) else source
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError(f"the source of cell {number} is not text")
    text = "".join(lines)
    if text.strip():
        yield Cell(number, text, start, end)


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _is_python(language: Any) -> bool:
    return not isinstance(language, str) or not language or "python" in language.lower()


def _source(document: str, cell: Cell, text: str) -> str:
    """`text` as the `source` of the cell, written as the document writes it."""
    old = document[cell.start : cell.end]
    ascii_only = document.isascii() and bool(_ESCAPED.search(document))
    if not old.startswith("["):
        return _dumped(text, ascii_only)
    reader = _Json(old)
    literals: dict[str, str] = {}
    places = []
    for _ in reader.items():
        start = reader.next()
        line = reader.value()
        literals[line] = old[start : reader.at]
        places.append((start, reader.at))
    lines = text.splitlines(keepends=True)
    if not lines:
        return "[]"
    opening, closing = old[: places[0][0]], old[places[-1][1] :]
    if len(places) > 1:
        between = old[places[0][1] : places[1][0]]
    else:
        compact = document[cell.start - 1] == ":"
        between = "," + (opening[1:] or " " * (not compact))
    return opening + between.join(
        literals.get(line) or _dumped(line, ascii_only) for line in lines
    ) + closing  # fmt: skip


def _dumped(text: str, ascii_only: bool) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair, which only an escape can write
        ascii_only = True
    return json.dumps(text, ensure_ascii=ascii_only)
