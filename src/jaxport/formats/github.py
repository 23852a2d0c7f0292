"""Annotations on GitHub: a workflow command for each finding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from jaxport.formats.concise import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.formats.options import Level, Options
    from jaxport.results import FileResult, Shown

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    for result in results:
        for finding in result.findings:
            yield _annotation(options.level, result.path, finding)


def _annotation(level: Level, path: Path, finding: Shown) -> str:
    start, end = finding.file_span.start, finding.file_span.end
    # Absolute, since GitHub takes a relative name from the workspace, not from where we run.
    properties = {"file": os.path.abspath(path), "line": start.row, "endLine": end.row}
    if start.row == end.row and finding.file_span == finding.span:
        # GitHub takes columns within one line only.
        properties |= {"col": start.column + 1, "endColumn": end.column + 1}
    properties["title"] = f"jaxport {finding.code}"
    return command(level, properties, line(path, finding))


def command(name: str, properties: Mapping[str, object], message: str) -> str:
    """A workflow command, in which the values mean nothing but themselves."""
    pairs = [f"{key}={str(value).translate(_PROPERTY)}" for key, value in properties.items()]
    return f"::{name} {','.join(pairs)}::{message.translate(_DATA)}\n"
