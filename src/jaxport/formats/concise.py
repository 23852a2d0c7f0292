"""One line a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from jaxport.results import FileResult, Shown


def line(path: Path, finding: Shown) -> str:
    """`file:row:column: CODE message`, with `[*]` where `--fix` can write it.

    In a notebook the row is one of a cell, which is named in front of it.
    """
    mark = "[*] " if finding.is_fixable else ""
    at = finding.span.start
    cell = f"cell {at.cell}:" if at.cell else ""
    return f"{path}:{cell}{at.row}:{at.column + 1}: {finding.code} {mark}{finding.message}"


def render(results: Iterable[FileResult]) -> Iterator[str]:
    for result in results:
        for finding in result.findings:
            yield line(result.path, finding) + "\n"
