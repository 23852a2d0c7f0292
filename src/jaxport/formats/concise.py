"""One line a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from jaxport.formats.terminal import BOLD, CYAN, RED, one_line, painted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.findings import Finding
    from jaxport.formats.options import Options
    from jaxport.results import FileResult, Shown


def line(path: Path, finding: Shown | Finding, colour: bool = False) -> str:
    """`file:row:column: CODE message`, with `[*]` where `--fix` can write it."""
    name = painted(one_line(str(path)), BOLD, on=colour)
    code = painted(finding.code, BOLD, RED, on=colour)
    mark = f"[{painted('*', CYAN, on=colour)}] " if finding.is_fixable else ""
    return f"{name}:{place(finding)}: {code} {mark}{one_line(finding.message)}"


def place(finding: Shown | Finding) -> str:
    """Row and column; in a notebook those of a cell, which is named in front of them."""
    at = finding.span.start
    cell = f"cell {at.cell}:" if at.cell else ""
    return f"{cell}{at.row}:{at.column + 1}"


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    for result in results:
        for finding in result.findings:
            yield line(result.path, finding, options.colour) + "\n"
