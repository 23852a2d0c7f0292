"""ruff's JSON, one list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from jaxport.formats.json_lines import records
from jaxport.formats.options import Options
from jaxport.results import FileResult


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    yield json.dumps(list(records(results)), indent=2) + "\n"
