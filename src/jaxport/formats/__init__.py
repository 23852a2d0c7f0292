"""How findings are shown: each format is a file that turns results into text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from jaxport.formats import (
    concise,
    full,
    github,
    gitlab,
    json,
    json_lines,
    junit,
    sarif,
    statistics,
)
from jaxport.formats.options import Options
from jaxport.records import record
from jaxport.results import FileResult

Render = Callable[[Iterable[FileResult], Options], Iterator[str]]


@record(frozen=True)
class Format:
    """A format: `fixes` says that it shows the rewrites, `summary` that a person reads it.

    `statistics` is what `--statistics` shows in its place, if it has that.
    """

    render: Render
    fixes: bool = False
    summary: bool = False
    statistics: Render | None = None


FORMATS = {
    "concise": Format(concise.render, summary=True, statistics=statistics.text),
    "full": Format(full.render, fixes=True, summary=True, statistics=statistics.text),
    "json": Format(json.render, fixes=True, statistics=statistics.json),
    "json-lines": Format(json_lines.render, fixes=True),
    "github": Format(github.render),
    "gitlab": Format(gitlab.render),
    "junit": Format(junit.render),
    "sarif": Format(sarif.render, fixes=True),
}
