"""The report as Markdown, short enough for a job's summary."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Sequence

from jaxport.report.text import names, numbers, state, summary
from jaxport.report.tree import FAMILIES, Report, percent, visible

_MOST = 100
_FEW = 10
_SPECIAL = frozenset(string.punctuation) - frozenset("./-,:'%")
_COUNTS = ("findings", "`--fix`", "`port`", "by hand")


def render(report: Report) -> str:
    """The summary, then tables; of folders and files, those with the most findings."""
    return "\n".join(_sections(report))


def _sections(report: Report) -> Iterator[str]:
    first, *rest = summary(report)
    yield f"## {_escaped(first)}\n"
    yield "\n".join(f"* {_escaped(line)}" for line in rest) + "\n"
    if not report.root.count.found:
        return
    yield "### By family\n"
    yield _table(("family", "", *_COUNTS), 2, (
        (code, FAMILIES[code], *numbers(count)) for code, count in report.root.families.items()
    ))
    yield "### What stands in the way\n"
    yield _table(("rule", "", *_COUNTS, "in files"), 2, (
        (code, names()[code], *numbers(count), f"{files:,}")
        for code, count, files in report.top[:_FEW]
    ))
    yield "### Where to start\n"
    yield _table(("folder", "files to do", *_COUNTS, "automatic", "needs files"), 1, (
        (_escaped(str(start.path)), f"{start.files:,}", *numbers(start.count),
         percent(start.automatic), f"{start.needs:,}") for start in report.starts[:_FEW]
    ))
    nodes = [node for _, node in report.root.walk()]
    families = list(report.root.families)
    for title, isin in (("Folders", True), ("Files", False)):
        chosen = [node for node in nodes if (node.file is None) is isin and node.count.found]
        chosen.sort(key=lambda node: -node.count.found)
        yield f"### {title}\n"
        yield _table((title.lower()[:-1], "done", "lines", *_COUNTS, *families), 1, (
            (_escaped(str(node.path)), state(node), f"{node.lines.total():,}",
             *numbers(node.count),
             *(f"{node.families[key].found:,}" if key in node.families else ""
               for key in families))
            for node in chosen[:_MOST]
        ))
        if len(chosen) > _MOST:
            yield f"And {len(chosen) - _MOST:,} more.\n"


def _table(headers: Sequence[str], left: int, rows: Iterable[Sequence[str]]) -> str:
    marks = ["---"] * left + ["---:"] * (len(headers) - left)
    return "".join(f"| {' | '.join(row)} |\n" for row in (headers, marks, *rows))


def _escaped(text: str) -> str:
    """The text as Markdown that means nothing but itself, in a table too."""
    return "".join(
        f"&#{ord(char)};" if char in "|`<>&\\" else "\\" + char if char in _SPECIAL else char
        for char in visible(text)
    )  # fmt: skip
