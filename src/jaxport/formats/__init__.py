"""How findings are shown: each format is a file that turns results into text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from jaxport.formats import concise, full, json, json_lines
from jaxport.results import FileResult


@dataclass(frozen=True)
class Format:
    """A format: `fixes` says that it shows the rewrites, `summary` that a person reads it."""

    render: Callable[[Iterable[FileResult]], Iterator[str]]
    fixes: bool = False
    summary: bool = False


FORMATS = {
    "concise": Format(concise.render, summary=True),
    "full": Format(full.render, summary=True),
    "json": Format(json.render, fixes=True),
    "json-lines": Format(json_lines.render, fixes=True),
}
