"""One line a finding."""

from __future__ import annotations

from jaxport.check import Checked
from jaxport.findings import Finding


def line(path: str, finding: Finding) -> str:
    """`file:row:column: CODE message`, with `[*]` where `--fix` can write it."""
    mark = "[*] " if finding.is_fixable else ""
    at = finding.span.start
    return f"{path}:{at.row}:{at.column + 1}: {finding.code} {mark}{finding.message}"


def render(result: Checked) -> str:
    return "".join(f"{line(str(result.path), finding)}\n" for finding in result.findings)
