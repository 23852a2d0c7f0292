"""`--statistics`: how often each rule was found, the commonest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from jaxport.formats.options import Options
from jaxport.results import FileResult
from jaxport.rules import all_rules


def text(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    """A line for each rule: count, code, name, and how many `--fix` makes go away."""
    rows = _rows(results)
    width = max((len(str(row["count"])) for row in rows), default=0)
    for row in rows:
        fixable = f" ({row['fixable_count']} fixable)" if row["fixable_count"] else ""
        yield f"{row['count']:>{width}}  {row['code']}  {row['name']}{fixable}\n"


def json(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    """The same as ruff's JSON has it: `fixable` says that all of them are."""
    import json

    yield json.dumps(_rows(results), indent=2) + "\n"


def _rows(results: Iterable[FileResult]) -> list[dict[str, Any]]:
    found: Counter[str] = Counter()
    fixable: Counter[str] = Counter()
    for result in results:
        found.update(finding.code for finding in result.findings)
        fixable.update(finding.code for finding in result.findings if finding.is_fixable)
    names = {rule.code: rule.name for rule in all_rules()}
    return [
        {
            "code": code,
            "name": names[code],
            "count": count,
            "fixable": fixable[code] == count,
            "fixable_count": fixable[code],
        }
        for code, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]
