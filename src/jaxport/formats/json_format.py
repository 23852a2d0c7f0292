"""ruff's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from jaxport.check import Checked
from jaxport.findings import Finding, Position


def _location(at: Position) -> dict[str, int]:
    return {"row": at.row, "column": at.column + 1}


def _fix(result: Checked, finding: Finding) -> dict[str, Any] | None:
    if finding.rewrite is None or result.source is None:
        return None
    from jaxport.fix import edits

    return {
        "applicability": finding.rewrite.applicability,
        "message": finding.rewrite.message,
        "edits": [
            {
                "content": edit.content,
                "location": _location(edit.span.start),
                "end_location": _location(edit.span.end),
            }
            for edit in edits(result.source, [finding], result.dialect)
        ],
    }


def _records(results: Sequence[Checked]) -> Iterator[dict[str, Any]]:
    for result in results:
        for finding in result.findings:
            yield {
                "code": finding.code,
                "message": finding.message,
                "filename": str(result.path.absolute()),
                "location": _location(finding.span.start),
                "end_location": _location(finding.span.end),
                "fix": _fix(result, finding),
                "noqa_row": finding.span.start.row,
                "url": None,
            }


def render(results: Sequence[Checked]) -> str:
    return json.dumps(list(_records(results)), indent=2) + "\n"


def render_lines(results: Sequence[Checked]) -> str:
    return "".join(json.dumps(record) + "\n" for record in _records(results))
