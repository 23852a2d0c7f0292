"""The report as one page that needs nothing else: no network, and its script is optional."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from importlib import resources
from string import Template

from jaxport.formats.terminal import one_line
from jaxport.report.measure import Count, FileNumbers
from jaxport.report.picture import kind, picture
from jaxport.report.text import names, state
from jaxport.report.tree import FAMILIES, Node, Report, many, percent

_FEW = 12


def render(report: Report) -> str:
    """The page, in ASCII, so that any encoding will do."""
    style, script, page = (
        resources.files("jaxport.report").joinpath(name).read_text("ascii")
        for name in ("page.css", "page.js", "page.html")
    )
    root = report.root
    text = Template(page).substitute(
        style=style, script=script, style_hash=_hash(style), script_hash=_hash(script),
        name=_text(root.name), rules=_text(report.rules), tiles="".join(_tiles(report)),
        views="".join(_views(root)), families=_families(root), top=_top(report),
        starts=_starts(report), ready=_ready(report.ready),
    )  # fmt: skip
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    return escape(one_line(text))


def _tiles(report: Report) -> Iterator[str]:
    root, count = report.root, report.root.count
    yield _tile(
        percent(root.done), "of the code is done", _progress(root),
        f"{root.lines['done']:,} of {root.lines['done'] + root.lines['to do']:,} lines that are "
        "or were written for torch",
    )  # fmt: skip
    others = [f"{root.files['done']:,} done", f"{root.files['neither']:,} without torch or JAX"]
    if root.files["skipped"]:
        others.append(f"{root.files['skipped']:,} skipped by a comment")
    yield _tile(f"{root.files['to do']:,}", f"of {many(root.files.total(), 'file')} to do", "",
                ", ".join(others))
    yield _tile(
        f"{count.found:,}", "findings", _bar(count),
        f"<span class='key fix'></span>{count.fix:,} for <code>--fix</code>, "
        f"<span class='key port'></span>{count.port:,} more for <code>port</code>, "
        f"<span class='key hand'></span>{count.hand:,} by hand",
    )  # fmt: skip
    yield _tile(f"{len(report.ready):,}", "files that <code>jaxport port</code> may finish now", "",
                '<a href="#ready">Which ones</a>' if report.ready else "Nothing to do for it")


def _tile(number: str, label: str, bar: str, more: str) -> str:
    return (f'<div class="tile"><p><b>{number}</b> {label}</p>{bar}<p class="more">{more}</p>'
            "</div>\n")


def _progress(node: Node) -> str:
    share = node.done or 0.0
    return _svg_bar([("done", share), ("rest", 1 - share)])


def _bar(count: Count) -> str:
    """The findings as a bar of who deals with them."""
    found = max(1, count.found)
    return _svg_bar([("fix", count.fix / found), ("port", count.port / found),
                     ("hand", count.hand / found)])


def _svg_bar(parts: list[tuple[str, float]], whole: float = 1.0) -> str:
    rects, at = [], 0.0
    for name, share in parts:
        width = 100 * share * whole
        if width:
            rects.append(f'<rect class="{name}" x="{at:.2f}" width="{width:.2f}" height="8"/>')
        at += width
    return ('<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
            f"{''.join(rects)}</svg>")


def _views(root: Node) -> Iterator[str]:
    """A section for each folder, of which the page shows one at a time."""
    folders = [node for _, node in root.walk() if node.file is None]
    links = {id(node): f"d{index}" for index, node in enumerate(folders)}
    parents = {id(child): node for node in folders for child in node.children}
    for node in folders:
        trail = [node]
        while id(trail[0]) in parents:
            trail.insert(0, parents[id(trail[0])])
        crumbs = "".join(
            f'<li><a href="#{links[id(item)]}">{_text(item.name)}</a></li>' for item in trail[:-1]
        )
        yield f"""
<section class="view" id="{links[id(node)]}" aria-label="{_text(node.name)}">
<nav aria-label="Folders"><ol>{crumbs}<li aria-current="page">{_text(node.name)}</li></ol></nav>
<p>{_sentence(node)}</p>
{picture(node, links)}
<p class="readout" aria-hidden="true">Point at a rectangle, or see the table below.</p>
{_children(node, links)}
</section>
"""


def _sentence(node: Node) -> str:
    count = node.count
    text = f"{many(node.lines.total(), 'line')} of code in {many(node.files.total(), 'file')}"
    if not count.found:
        return f"{text}, without findings."
    return (f"{text}, {many(count.found, 'finding')}: {count.fix:,} for <code>--fix</code>, "
            f"{count.port:,} more for <code>port</code>, {count.hand:,} by hand.")


def _children(node: Node, links: dict[int, str]) -> str:
    families = list(node.families)
    heads = [("name", "", ""), ("done", "", ""), ("lines", "number wide", ""),
             ("findings", "number", ""), ("who", "wide bars", ""), ("--fix", "number wide", ""),
             ("port", "number wide", ""), ("by hand", "number", ""),
             *((key, "number widest", FAMILIES[key]) for key in families)]
    rows = []
    for child in sorted(node.children, key=lambda item: (-item.count.hand, -item.count.found)):
        name = _text(child.name)
        if id(child) in links:
            name = f'<a href="#{links[id(child)]}">{name}/</a>'
        done = f'<span class="mark {kind(child)}"></span>{state(child)}'
        cells = [
            _cell(name, "name"), _cell(done, "state"),
            _cell(f"{child.lines.total():,}", "number wide"), *_counted(child.count),
            *(_cell(f"{child.families[key].found:,}" if key in child.families else "",
                    "number widest") for key in families),
        ]  # fmt: skip
        rows.append(cells)
    return _table(f"What is in {_text(node.name)}", heads, rows)


def _counted(count: Count) -> list[str]:
    return [
        _cell(f"{count.found:,}", "number"),
        _cell(_bar(count) if count.found else "", "wide bars"),
        _cell(f"{count.fix:,}", "number wide"), _cell(f"{count.port:,}", "number wide"),
        _cell(f"{count.hand:,}", "number"),
    ]  # fmt: skip


def _cell(text: str, name: str = "") -> str:
    return f'<td class="{name}">{text}</td>' if name else f"<td>{text}</td>"


def _table(label: str, heads: list[tuple[str, str, str]], rows: list[list[str]]) -> str:
    head = "".join(
        f'<th scope="col" class="{name}"{f" title={chr(34)}{about}{chr(34)}" if about else ""}>'
        f"{text}</th>"
        for text, name, about in heads
    )
    body = "".join(f"<tr>{''.join(cells)}</tr>\n" for cells in rows)
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>")


_COUNTED = [("findings", "number", ""), ("who", "wide bars", ""), ("--fix", "number wide", ""),
            ("port", "number wide", ""), ("by hand", "number", "")]


def _families(root: Node) -> str:
    heads = [("family", "", ""), *_COUNTED]
    rows = [[_cell(f"{FAMILIES[key]} <small>{key}</small>", "name"), *_counted(count)]
            for key, count in root.families.items()]
    return _table("Findings by family", heads, rows)


def _top(report: Report) -> str:
    titles = names()
    heads = [("rule", "", ""), *_COUNTED, ("files", "number wide", "")]
    rows = [
        [_cell(f"{titles[code]} <small>{code}</small>", "name"), *_counted(count),
         _cell(f"{files:,}", "number wide")] for code, count, files in report.top[:_FEW]
    ]
    return _table("Rules with the most findings by hand", heads, rows)


def _starts(report: Report) -> str:
    heads = [("folder", "", ""), ("files to do", "number wide", ""), *_COUNTED,
             ("automatic", "number wide", ""), ("needs files", "number", "")]
    rows = [
        [_cell(_text(str(start.path)), "name"), _cell(f"{start.files:,}", "number wide"),
         *_counted(start.count), _cell(percent(start.automatic), "number wide"),
         _cell(f"{start.needs:,}", "number")] for start in report.starts[:_FEW]
    ]
    return _table("Folders to start with", heads, rows)


def _ready(ready: list[FileNumbers]) -> str:
    if not ready:
        return "<p>None: each file has findings that are left to a person, or imports one.</p>"
    items = "".join(f"<li>{_text(str(file.path))}</li>\n" for file in ready)
    return (f"<details><summary>{many(len(ready), 'file')}</summary>"
            f'<ul class="files">\n{items}</ul></details>')
