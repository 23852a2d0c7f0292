"""ruff's JSON, an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from jaxport.findings import Position
from jaxport.formats.options import Options
from jaxport.results import FileResult, Fix


def records(results: Iterable[FileResult]) -> Iterator[dict[str, Any]]:
    """One object for each finding, in ruff's shape."""
    for result in results:
        for finding in result.findings:
            yield {
                **_cell(finding.span.start),
                "code": finding.code,
                "message": finding.message,
                "filename": str(result.path.absolute()),
                "location": _location(finding.span.start),
                "end_location": _location(finding.span.end),
                "fix": _fix(finding.fix) if finding.fix else None,
                "noqa_row": finding.span.start.row,
                "url": None,
            }


def _cell(at: Position) -> dict[str, int]:
    return {"cell": at.cell} if at.cell else {}


def _location(at: Position) -> dict[str, int]:
    return {"row": at.row, "column": at.column + 1}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability,
        "message": fix.message,
        "edits": [
            {
                **_cell(edit.span.start),
                "content": edit.content,
                "location": _location(edit.span.start),
                "end_location": _location(edit.span.end),
            }
            for edit in fix.edits
        ],
    }


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    for record in records(results):
        yield json.dumps(record) + "\n"
