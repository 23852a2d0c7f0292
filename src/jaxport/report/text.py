"""The report as aligned tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

from jaxport.formats.terminal import columns, one_line
from jaxport.report.measure import Count
from jaxport.report.tree import FAMILIES, Node, Report, many, percent

_MOST = 10
_ABOUT = (
    "Lines of code: neither blank nor comment nor docstring. --fix: what `jaxport check --fix`\n"
    "rewrites; port: what only `jaxport port` does; by hand: the rest.\n"
)


def render(report: Report) -> str:
    """All of it, the summary last, where a terminal shows it."""
    return "\n".join(_sections(report))


def _sections(report: Report) -> Iterator[str]:
    yield _files(report.root)
    if report.root.count.found:
        rows = [[code, FAMILIES[code], *numbers(count)]
                for code, count in report.root.families.items()]
        yield _table(["family", "", "findings", "--fix", "port", "by hand"], rows, 2)
        rows = [[code, names()[code], *numbers(count), str(files)]
                for code, count, files in report.top[:_MOST]]
        yield _table(
            ["in the way", "", "findings", "--fix", "port", "by hand", "in files"], rows, 2
        )
        rows = [[one_line(str(start.path)), str(start.files), *numbers(start.count),
                 percent(start.automatic), str(start.needs)] for start in report.starts[:_MOST]]
        yield _table(
            ["where to start", "files to do", "findings", "--fix", "port", "by hand", "automatic",
             "needs files"], rows, 1,
        )  # fmt: skip
    yield "\n".join(summary(report)) + "\n" + _ABOUT


def summary(report: Report) -> list[str]:
    """What the report comes to, a sentence a line."""
    root, count = report.root, report.root.count
    states = (
        f"{many(root.files['to do'], 'file')} to do, {root.files['done']:,} done, "
        f"{root.files['neither']:,} without torch or JAX"
    )
    if root.files["skipped"]:
        states += f", {root.files['skipped']:,} skipped by a comment"
    lines = [f"{one_line(root.name)}: {percent(root.done)} done. {states}."]
    if count.found:
        lines.append(
            f"{many(count.found, 'finding')} in {many(root.lines.total(), 'line')} of code: "
            f"{count.fix:,} for --fix, {count.port:,} more for port, {count.hand:,} by hand."
        )
    if report.ready:
        lines.append(f"`jaxport port` may finish {many(len(report.ready), 'file')} right now.")
    return [*lines, f"{report.rules}."]


def names() -> dict[str, str]:
    """The rules' names by code."""
    from jaxport.rules import all_rules

    return {rule.code: rule.name for rule in all_rules()}


def numbers(count: Count) -> list[str]:
    """The findings, and who deals with them."""
    return [f"{number:,}" for number in (count.found, count.fix, count.port, count.hand)]


def state(node: Node) -> str:
    """How far a folder or a file is, in a word."""
    if node.file is None:
        return percent(node.done)
    return node.file.state if node.file.state != "neither" else "-"


def _files(root: Node) -> str:
    families = list(root.families)
    headers = ["file", "done", "lines", "findings", "--fix", "port", "by hand"]
    rows = []
    for depth, node in root.walk():
        label = "  " * depth + one_line(node.name) + ("" if node.file else "/")
        rows.append([label, state(node), f"{node.lines.total():,}", *numbers(node.count)])
    wide = [
        [*row, *(f"{node.families[key].found:,}" if key in node.families else ""
                 for key in families)]
        for row, (_, node) in zip(rows, root.walk(), strict=True)
    ]  # fmt: skip
    table = _table([*headers, *families], wide, 1)
    fits = len(table.partition("\n")[0]) <= shutil.get_terminal_size((1000, 24)).columns
    return table if fits else _table(headers, rows, 1)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Columns with their headers; all but the first `left` are numbers, and stand right."""
    widths = [max(map(columns, column)) for column in zip(headers, *rows, strict=True)]
    lines = []
    for row in (headers, *rows):
        cells = [
            cell + " " * (width - columns(cell)) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)
