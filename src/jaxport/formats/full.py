"""Each finding with its source lines, and its fix as a diff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jaxport.formats.concise import line
from jaxport.formats.options import Options
from jaxport.formats.terminal import BLUE, CYAN, GREEN, RED, code_line, columns, painted
from jaxport.results import FileResult, Fix, Shown

_MOST_LINES = 6
_COLOURS = {"+": GREEN, "-": RED, "@": CYAN}


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    for result in results:
        shown: set[tuple[str, ...]] = set()
        for finding in result.findings:
            yield line(result.path, finding, options.colour) + "\n"
            yield from _source(finding, options.colour)
            if finding.fix and finding.fix.diff:
                yield from _fix(finding.fix, finding.fix.diff in shown, options.colour)
                shown.add(finding.fix.diff)
            yield "\n"


def _source(finding: Shown, colour: bool) -> Iterator[str]:
    start, end = finding.span.start, finding.span.end
    last = len(finding.lines) - 1
    for index, text in enumerate(finding.lines):
        if last >= _MOST_LINES and 2 <= index < last:
            if index == 2:
                yield _row("...", "", colour)
            continue
        yield _row(str(start.row + index), code_line(text), colour)
        if index in (0, last):
            first = len(text) - len(text.lstrip()) if index else start.column
            stop = end.column if index == last else len(text)
            gap = columns(code_line(text[:first]))
            width = columns(code_line(text[first:stop]))
            carets = painted("^" * max(1, width), RED, on=colour)
            yield _row("", " " * gap + carets, colour)


def _row(number: str, text: str, colour: bool) -> str:
    gutter = painted(f"{number:>5} |", BLUE, on=colour)
    return f"{gutter} {text}".rstrip() + "\n"


def _fix(fix: Fix, repeated: bool, colour: bool) -> Iterator[str]:
    """What the fix says, and its diff where it was not shown yet."""
    yield f"  {fix.applicability} fix: {fix.message}{' (as above)' * repeated}\n"
    for text in () if repeated else fix.diff:
        code = _COLOURS.get(text[:1])
        shown = f"  {code_line(text)}".rstrip()
        yield (painted(shown, code, on=colour) if code else shown) + "\n"
