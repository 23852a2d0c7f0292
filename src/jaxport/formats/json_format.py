"""ruff's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from jaxport.check import Checked
from jaxport.findings import Finding, Position
from jaxport.rules import Dialect


def _location(at: Position) -> dict[str, int]:
    return {"row": at.row, "column": at.column + 1}


def _fix(result: Checked, finding: Finding, dialect: Dialect) -> dict[str, Any] | None:
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
            for edit in edits(result.source, [finding], dialect)
        ],
    }


def _records(results: Sequence[Checked], dialect: Dialect) -> Iterator[dict[str, Any]]:
    for result in results:
        for finding in result.findings:
            yield {
                "code": finding.code,
                "message": finding.message,
                "filename": str(result.path.absolute()),
                "location": _location(finding.span.start),
                "end_location": _location(finding.span.end),
                "fix": _fix(result, finding, dialect),
                "noqa_row": finding.span.start.row,
                "url": None,
            }


def render(results: Sequence[Checked], dialect: Dialect) -> str:
    return json.dumps(list(_records(results, dialect)), indent=2) + "\n"


def render_lines(results: Sequence[Checked], dialect: Dialect) -> str:
    return "".join(json.dumps(record) + "\n" for record in _records(results, dialect))
