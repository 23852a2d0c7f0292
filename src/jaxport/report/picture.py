"""A folder as a treemap: area is lines of code, colour is the work that is left to a person."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from jaxport.formats.terminal import one_line
from jaxport.report.tree import Node, many, percent
from jaxport.report.treemap import Box, squarify

# Findings by hand for each 100 lines of code, where the darker colours begin.
_STEPS = (0.0, 2.0, 5.0, 10.0)
LEGEND = (
    ("done", "done"), ("auto", "all by machine"), ("hand1", "by hand in 100 lines: below 2"),
    ("hand2", "2 to 5"), ("hand3", "5 to 10"), ("hand4", "10 and more"), ("none", "no torch"),
)  # fmt: skip
# The picture is drawn twice, for wide and for narrow screens.
_SIZES = {"wide-map": (1120, 600), "narrow-map": (344, 440)}
_MOST, _MOST_INSIDE = 150, 60
_HEAD = 20.0
_CHAR, _LINE = 7.4, 15.0


def kind(node: Node) -> str:
    """Which entry of the legend a folder or a file is."""
    if not node.files["to do"]:
        return "done" if node.files["done"] else "none"
    hand = 100 * node.count.hand / max(1, node.lines["to do"])
    return f"hand{sum(hand >= step for step in _STEPS)}" if hand else "auto"


def picture(node: Node, links: dict[int, str]) -> str:
    """The folder's treemaps and their legend."""
    legend = "".join(
        f'<li><span class="mark {name}"></span>{text}</li>' for name, text in LEGEND
    )
    label = escape(f"Map of {one_line(node.name)}; the table below has the same numbers")
    maps = "".join(
        f'<svg class="map {name}" viewBox="0 0 {width} {height}" role="group" aria-label="{label}">'
        f"{''.join(_cells(node, Box(0, 0, width, height), links))}</svg>\n"
        for name, (width, height) in _SIZES.items()
    )
    return f'{maps}<ul class="legend">{legend}</ul>'


def _cells(node: Node, box: Box, links: dict[int, str], link: str = "") -> Iterator[str]:
    """What is in the folder, drawn into the box. `link` is where its files lead, if anywhere."""
    for child, inside in _parts(node, box, _MOST_INSIDE if link else _MOST):
        if child is None or child.file is not None:
            yield _leaf(child, node, inside, link)
            continue
        target = links[id(child)]
        is_open = min(inside.width, inside.height) > 3 * _HEAD
        yield (
            f'<a href="#{target}"><title>{_title(child)}</title>'
            f'{_rect(inside, "frame" if is_open else kind(child))}'
            f"{_heading(child, inside) if is_open else _label(child, inside)}</a>"
        )
        if is_open:
            space = Box(inside.left + 3, inside.top + _HEAD, inside.right - 3, inside.bottom - 3)
            yield from _cells(child, space, links, target)


def _parts(node: Node, box: Box, most: int) -> Iterator[tuple[Node | None, Box]]:
    """The parts of the box for what is in the folder; None is the one for all that is small."""
    ordered = sorted(node.children, key=_weight, reverse=True)
    shown: list[Node | None] = list(ordered[:most])
    weights = [float(_weight(child)) for child in ordered[:most]]
    if len(ordered) > most:
        shown.append(None)
        weights.append(min(weights[-1], float(sum(map(_weight, ordered[most:])))))
    yield from zip(shown, squarify(weights, box), strict=True)


def _weight(node: Node) -> int:
    return max(1, node.lines.total())


def _leaf(node: Node | None, parent: Node, box: Box, link: str) -> str:
    if node is None:
        inner = f"<title>More in {escape(one_line(parent.name))}</title>{_rect(box, 'none')}"
    else:
        inner = f"<title>{_title(node)}</title>{_rect(box, kind(node))}{_label(node, box)}"
    return f'<a href="#{link}" tabindex="-1">{inner}</a>' if link else f"<g>{inner}</g>"


def _rect(box: Box, name: str) -> str:
    left, top, right, bottom = (round(edge, 1) for edge in box)
    return (f'<rect class="{name}" x="{left:g}" y="{top:g}" width="{right - left:.1f}" '
            f'height="{bottom - top:.1f}"/>')


def _heading(node: Node, box: Box) -> str:
    """The name of a folder above what is in it, and how far it is where there is room."""
    room = int((box.width - 8) / _CHAR)
    name = _name(node)
    text = f"{name} {_status(node)}"
    return _text(text if len(text) <= room else _short(name, room), box, 0, "on-frame name")


def _label(node: Node, box: Box) -> str:
    """The name, and below it how far the file is, as far as there is room."""
    room, rows = int((box.width - 8) / _CHAR), int((box.height - 2) / _LINE)
    if room < 4 or rows < 1:
        return _sign(node, box)
    ink, status = f"on-{kind(node)}", _status(node)
    lines = _wrapped(_name(node), room, max(1, rows - 1))
    shown = [_text(line, box, row, f"{ink} name") for row, line in enumerate(lines)]
    if len(status) <= room and len(lines) < rows:
        shown.append(_text(status, box, len(lines), ink))
    return "".join(shown)


def _text(text: str, box: Box, row: int, name: str) -> str:
    left, top = box.left + 5, box.top + _LINE * (row + 1) - 1
    return f'<text x="{left:.1f}" y="{top:.1f}" class="{name}">{escape(text)}</text>'


def _name(node: Node) -> str:
    return one_line(node.name) + ("" if node.file else "/")


def _wrapped(name: str, room: int, rows: int) -> list[str]:
    """The name in at most `rows` lines, broken behind underlines and dots where that fits."""
    lines: list[str] = []
    while len(name) > room and len(lines) < rows - 1:
        at = max(name.rfind("_", 0, room), name.rfind(".", 0, room)) + 1
        at = at if at > room // 2 else room
        lines.append(name[:at])
        name = name[at:]
    return [*lines, _short(name, room)]


def _sign(node: Node, box: Box) -> str:
    """One character in the middle of a box that is too small for words."""
    if min(box.width, box.height) < 13:
        return ""
    left, top = (box.left + box.right) / 2, (box.top + box.bottom) / 2 + 4
    return (f'<text x="{left:.1f}" y="{top:.1f}" class="on-{kind(node)} sign">'
            f"{_status(node)[0]}</text>")


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(1, room - 1)] + "…"


def _status(node: Node) -> str:
    count = node.count
    if kind(node) == "done":
        return "✓ done"
    if kind(node) == "none":
        return "- skipped" if node.files["skipped"] else "- no torch"
    if kind(node) == "auto":
        return f"⚙ {count.found:,} by machine"
    return f"! {count.hand:,} by hand"


def _title(node: Node) -> str:
    count = node.count
    text = f"{one_line(str(node.path))}: {many(node.lines.total(), 'line')} of code"
    if node.file is None:
        text += f" in {many(node.files.total(), 'file')}, {percent(node.done)} done"
    if count.found:
        text += (f", {many(count.found, 'finding')} ({count.fix:,} for --fix, {count.port:,} more "
                 f"for port, {count.hand:,} by hand)")
    elif node.file is not None:
        text += f", {_status(node)[2:]}"
    return escape(text)
