"""How findings are shown: each format is a file that turns results into text."""

from __future__ import annotations

from importlib import import_module

from jaxport.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jaxport.formats.options import Options
    from jaxport.results import FileResult

    Render = Callable[[Iterable[FileResult], Options], Iterator[str]]


@record(frozen=True)
class Format:
    """A format, in the file `module` of this folder, which is loaded when it is used.

    `fixes` says that it shows the rewrites, `summary` that a person reads it. `counts` is the
    function of `statistics` that `--statistics` shows it with, if it has that.
    """

    module: str
    fixes: bool = False
    summary: bool = False
    counts: str = ""

    @property
    def render(self) -> Render:
        found: Render = import_module(f"{__name__}.{self.module}").render
        return found

    @property
    def statistics(self) -> Render | None:
        found: Render | None = None
        if self.counts:
            found = getattr(import_module(f"{__name__}.statistics"), self.counts)
        return found


FORMATS = {
    "concise": Format("concise", summary=True, counts="text"),
    "full": Format("full", fixes=True, summary=True, counts="text"),
    "json": Format("json", fixes=True, counts="json"),
    "json-lines": Format("json_lines", fixes=True),
    "github": Format("github"),
    "gitlab": Format("gitlab"),
    "junit": Format("junit"),
    "sarif": Format("sarif", fixes=True),
}
