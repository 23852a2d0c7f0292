"""GitLab's Code Quality report."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jaxport.formats.options import Options
from jaxport.formats.places import fingerprints, in_cell, in_repository
from jaxport.results import FileResult
from jaxport.rules.file_itself import UNCHECKED


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    yield json.dumps([issue for result in results for issue in _issues(result)], indent=2) + "\n"


def _issues(result: FileResult) -> Iterator[dict[str, Any]]:
    path = in_repository(result.path) or Path(os.path.abspath(result.path)).as_posix()
    for finding, fingerprint in zip(result.findings, fingerprints(result), strict=True):
        span = finding.file_span
        yield {
            "description": f"{finding.code}: {in_cell(finding)}{finding.message}",
            "check_name": finding.code,
            "fingerprint": fingerprint,
            "severity": "blocker" if finding.code in UNCHECKED else "major",
            "location": {
                # A name that is not UTF-8 can't stand in JSON as it is.
                "path": path.encode(errors="backslashreplace").decode(),
                "lines": {"begin": span.start.row, "end": span.end.row},
            },
        }
