"""Each finding with its source line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jaxport.formats.concise import line
from jaxport.results import FileResult, Shown


def render(results: Iterable[FileResult]) -> Iterator[str]:
    for result in results:
        for finding in result.findings:
            yield line(result.path, finding) + "\n" + _source(finding)


def _source(finding: Shown) -> str:
    if not finding.lines:
        return ""
    start, end = finding.span.start, finding.span.end
    text = finding.lines[0]
    stop = end.column if end.row == start.row else len(text)
    carets = "^" * max(1, stop - start.column)
    gap = "".join("\t" if char == "\t" else " " for char in text[: start.column])
    return f"{start.row:>5} | {text}\n      | {gap}{carets}\n\n"
