"""A folder as a treemap: area is lines of code, colour is the work that is left to a person."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from jaxport.report.tree import Node, many, percent, visible
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
_CHAR, _LINE = 6.9, 15.0


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
    label = escape(f"Map of {visible(node.name)}; the table below has the same numbers")
    maps = "".join(
        f'<svg class="map {name}" viewBox="0 0 {width} {height}" role="group" aria-label="{label}">'
        f"{''.join(_cells(node, Box(0, 0, width, height), links))}</svg>\n"
        for name, (width, height) in _SIZES.items()
    )
    return f'{maps}<ul class="legend">{legend}</ul>'


def _cells(node: Node, box: Box, links: dict[int, str]) -> Iterator[str]:
    for child, inside in _parts(node, box, _MOST):
        if child is None or child.file is not None:
            yield _leaf(child, node, inside)
            continue
        head = _HEAD if inside.height > 3 * _HEAD and inside.width > 3 * _HEAD else 0.0
        inner = ""
        if head:
            space = Box(inside.left + 3, inside.top + head, inside.right - 3, inside.bottom - 3)
            inner = "".join(_leaf(item, child, part)
                            for item, part in _parts(child, space, _MOST_INSIDE))
        yield (
            f'<a href="#{links[id(child)]}" class="folder">'
            f"<title>{_title(child)}</title>{_rect(inside, kind(child))}"
            f"{_label(child, inside, one_line=bool(head))}{inner}</a>"
        )


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


def _leaf(node: Node | None, parent: Node, box: Box) -> str:
    if node is None:
        return f'<g><title>More in {escape(visible(parent.name))}</title>{_rect(box, "none")}</g>'
    return (f"<g><title>{_title(node)}</title>{_rect(box, kind(node))}"
            f"{_label(node, box)}</g>")


def _rect(box: Box, name: str) -> str:
    left, top, right, bottom = (round(edge, 1) for edge in box)
    return (f'<rect class="{name}" x="{left:g}" y="{top:g}" width="{right - left:.1f}" '
            f'height="{bottom - top:.1f}"/>')


def _label(node: Node, box: Box, one_line: bool = False) -> str:
    """The name, and below it how far the file is, as far as there is room."""
    room = int((box.width - 8) / _CHAR)
    name = visible(node.name) + ("" if node.file else "/")
    lines = [name, _status(node)]
    if one_line and len(name) + len(lines[1]) + 2 <= room:
        lines = [f"{name}  {lines[1]}"]
    elif one_line:
        lines = [name]
    if room < 4 or box.height < _LINE + 2:
        return _sign(node, box)
    if box.height < 2 * _LINE + 4 or len(lines[-1]) > room:
        lines = lines[:1]
    return "".join(
        f'<text x="{box.left + 5:.1f}" y="{box.top + _LINE * (index + 1) - 1:.1f}" '
        f'class="{_ink(node)}{"" if index else " name"}">{escape(_short(line, room))}</text>'
        for index, line in enumerate(lines)
    )


def _sign(node: Node, box: Box) -> str:
    sign = {"done": "✓", "none": "-", "auto": "⚙"}.get(kind(node), "!")
    if min(box.width, box.height) < 13:
        return ""
    return (f'<text x="{(box.left + box.right) / 2:.1f}" y="{(box.top + box.bottom) / 2 + 4:.1f}" '
            f'class="{_ink(node)} sign">{sign}</text>')


def _ink(node: Node) -> str:
    return f"on-{kind(node)}"


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
    text = f"{visible(str(node.path))}: {many(node.lines.total(), 'line')} of code"
    if node.file is None:
        text += f" in {many(node.files.total(), 'file')}, {percent(node.done)} done"
    if count.found:
        text += (f", {many(count.found, 'finding')} ({count.fix:,} for --fix, {count.port:,} more "
                 f"for port, {count.hand:,} by hand)")
    elif node.file is not None:
        text += f", {_status(node)[2:]}"
    return escape(text)
