"""The report as Markdown, short enough for a job's summary."""

from __future__ import annotations

from collections.abc import Iterator

from jaxport.formats.markdown import escaped, table
from jaxport.report.text import names, numbers, state, summary
from jaxport.report.tree import FAMILIES, Report, percent

_MOST = 100
_FEW = 10
_COUNTS = ("findings", "`--fix`", "`port`", "by hand")


def render(report: Report) -> str:
    """The summary, then tables; of folders and files, those with the most findings."""
    return "\n".join(_sections(report))


def _sections(report: Report) -> Iterator[str]:
    first, *rest = summary(report)
    yield f"## {escaped(first)}\n"
    yield "\n".join(f"* {escaped(line)}" for line in rest) + "\n"
    if not report.root.count.found:
        return
    yield "### By family\n"
    yield table(("family", "", *_COUNTS), 2, (
        (code, FAMILIES[code], *numbers(count)) for code, count in report.root.families.items()
    ))
    yield "### What stands in the way\n"
    yield table(("rule", "", *_COUNTS, "in files"), 2, (
        (code, names()[code], *numbers(count), f"{files:,}")
        for code, count, files in report.top[:_FEW]
    ))
    yield "### Where to start\n"
    yield table(("folder", "files to do", *_COUNTS, "automatic", "needs files"), 1, (
        (escaped(str(start.path)), f"{start.files:,}", *numbers(start.count),
         percent(start.automatic), f"{start.needs:,}") for start in report.starts[:_FEW]
    ))
    nodes = [node for _, node in report.root.walk()]
    families = list(report.root.families)
    for title, isin in (("Folders", True), ("Files", False)):
        chosen = [node for node in nodes if (node.file is None) is isin and node.count.found]
        chosen.sort(key=lambda node: -node.count.found)
        yield f"### {title}\n"
        yield table((title.lower()[:-1], "done", "lines", *_COUNTS, *families), 1, (
            (escaped(str(node.path)), state(node), f"{node.lines.total():,}",
             *numbers(node.count),
             *(f"{node.families[key].found:,}" if key in node.families else ""
               for key in families))
            for node in chosen[:_MOST]
        ))
        if len(chosen) > _MOST:
            yield f"And {len(chosen) - _MOST:,} more.\n"
