"""`# noqa` comments for findings, where flake8 and `check` look for them."""

from __future__ import annotations

import tokenize
from collections import defaultdict

from jaxport import source as sources
from jaxport import writing
from jaxport.check import is_notebook
from jaxport.records import replace
from jaxport.results import FileResult
from jaxport.rules.file_itself import UNCHECKED
from jaxport.source import SourceError, SourceFile


def add_noqa(result: FileResult) -> FileResult:
    """Suppress the findings of a file with comments in it; what is left can't be suppressed."""
    wanted: dict[int, set[str]] = defaultdict(set)
    for item in result.findings:
        if item.code not in UNCHECKED:
            wanted[item.span.start.row].add(item.code)
    if not wanted:
        return result
    if is_notebook(result.path):
        note = f"jaxport: {result.path}: --add-noqa takes no notebooks"
        return replace(result, notes=[*result.notes, note], failed=True)
    try:
        before = sources.read(result.path)
        after = before.with_text("".join(_commented(before, wanted)))
    except SourceError:  # edited since it was checked
        return result
    if _code(after) != _code(before):
        return result  # our own mistake must not change what the file does
    left = [
        item
        for item in result.findings
        if item.code in UNCHECKED or not after.suppressed(item.code, item.span.start.row)
    ]
    if after.text == before.text:
        return replace(result, findings=left)
    problem = writing.write(result.path, before, after.text)
    if problem:
        note = f"jaxport: {result.path}: can't write the file: {problem}"
        return replace(result, notes=[*result.notes, note], failed=True)
    return replace(result, findings=left, changed=True)


def _code(source: SourceFile) -> list[str]:
    return [token.string for token in source.tokens if token.type != tokenize.COMMENT]


def _commented(source: SourceFile, wanted: dict[int, set[str]]) -> list[str]:
    """The file's lines, with the codes wanted for each row in a comment."""
    lines = list(source.lines)
    comments = {token.start[0]: token.start[1] for token in source.tokens
                if token.type == tokenize.COMMENT}
    by_last: dict[int, set[str]] = defaultdict(set)
    for row, codes in wanted.items():
        rows = source.noqa_rows(row)
        if rows:
            by_last[rows[-1]] |= {code for code in codes if not source.suppressed(code, row)}
    for row, codes in by_last.items():
        if codes:
            lines[row - 1] = _line(source, row, comments.get(row), sorted(codes))
    return lines


def _line(source: SourceFile, row: int, comment: int | None, codes: list[str]) -> str:
    """The line of a row, which ends the rows that share a `# noqa`, with `codes` in it."""
    line = source.lines[row - 1]
    text = line.rstrip("\r\n")
    added = ", ".join(codes)
    match = source.noqa(row)
    if match is None:
        return f"{text.rstrip()}  # noqa: {added}{line[len(text):]}"
    # The text of all rows was searched, and this line is at its end.
    start = sum(len(source.lines[at - 1]) for at in source.noqa_rows(row)[:-1])
    if comment is None or match.start() < start + comment:
        return line  # in a string, where it hides every comment behind it
    end = match.start() - start + len(match[0].rstrip(", \t\r\n\f"))
    return f"{line[:end]}, {added}{line[end:]}"
