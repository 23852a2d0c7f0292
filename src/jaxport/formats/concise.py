"""One line a finding."""

from __future__ import annotations

from collections.abc import Sequence

from jaxport.check import Checked
from jaxport.findings import Finding


def line(path: str, finding: Finding) -> str:
    """`file:row:column: CODE message`, with `[*]` where `--fix` can write it."""
    rewrite = finding.rewrite
    mark = "[*] " if rewrite and rewrite.applicability == "safe" and not rewrite.escape else ""
    at = finding.span.start
    return f"{path}:{at.row}:{at.column + 1}: {finding.code} {mark}{finding.message}"


def render(results: Sequence[Checked]) -> str:
    return "".join(
        f"{line(str(result.path), finding)}\n"
        for result in results
        for finding in result.findings
    )
