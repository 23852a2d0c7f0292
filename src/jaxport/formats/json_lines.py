"""ruff's JSON."""

from __future__ import annotations

import json
from typing import Any

from jaxport.check import Checked
from jaxport.findings import Finding, Position


def _location(at: Position) -> dict[str, int]:
    return {"row": at.row, "column": at.column + 1}


def _fix(result: Checked, finding: Finding) -> dict[str, Any] | None:
    if finding.rewrite is None or result.source is None:
        return None
    from jaxport.fix import edits

    try:
        changes = edits(result.source, [finding], result.dialect)
    except RecursionError:
        return None  # too deep for the parser that rewrites
    return {
        "applicability": finding.rewrite.applicability,
        "message": finding.rewrite.message,
        "edits": [
            {
                "content": edit.content,
                "location": _location(edit.span.start),
                "end_location": _location(edit.span.end),
            }
            for edit in changes
        ],
    }


def render(result: Checked) -> str:
    """One JSON object a line, in ruff's shape."""
    return "".join(
        json.dumps(
            {
                "code": finding.code,
                "message": finding.message,
                "filename": str(result.path.absolute()),
                "location": _location(finding.span.start),
                "end_location": _location(finding.span.end),
                "fix": _fix(result, finding),
                "noqa_row": finding.span.start.row,
                "url": None,
            }
        )
        + "\n"
        for finding in result.findings
    )
