"""The flake8 plugin: hands flake8 what `check` finds. `# noqa` is flake8's own business."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jaxport import __version__, check, config
from jaxport.source import SourceFile, split_lines


class Plugin:
    """flake8 makes one for each file and takes what `run` yields."""

    name = "jaxport"
    version = __version__

    def __init__(self, tree: ast.Module, filename: str, lines: list[str]) -> None:
        text = "".join(lines)
        self._source = SourceFile(Path(filename), text, split_lines(text), tree, "utf-8")

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        path = self._source.path
        try:
            settings = config.find(path.absolute().parent)
            with check.uncollected():
                found = check.findings(self._source, settings, noqa=False)
        except config.ConfigError as error:
            found = [check.at_start("JXP006", str(error))]
        for finding in found:
            at = finding.span.start
            yield at.row, at.column, f"{finding.code} {finding.message}", type(self)
