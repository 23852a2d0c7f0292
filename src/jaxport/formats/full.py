"""Each finding with its source line."""

from __future__ import annotations

from jaxport.check import Checked
from jaxport.formats.concise import line


def render(result: Checked) -> str:
    lines = result.source.lines if result.source else []
    parts: list[str] = []
    for finding in result.findings:
        parts.append(line(str(result.path), finding) + "\n")
        start, end = finding.span.start, finding.span.end
        if start.row <= len(lines):
            text = lines[start.row - 1].rstrip("\r\n")
            stop = end.column if end.row == start.row else len(text)
            carets = "^" * max(1, stop - start.column)
            gap = "".join("\t" if char == "\t" else " " for char in text[: start.column])
            parts.append(f"{start.row:>5} | {text}\n      | {gap}{carets}\n\n")
    return "".join(parts)
