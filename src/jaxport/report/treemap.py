"""Rectangles of given areas that fill a rectangle, each as near to a square as the rest allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle by its edges, so that neighbours share theirs to the last digit."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def squarify(weights: Sequence[float], box: Box) -> list[Box]:
    """A part of `box` for each weight, with its share of the area. The weights are descending."""
    return list(_parts(list(weights), box))


def _parts(weights: list[float], box: Box) -> Iterator[Box]:
    while weights:
        total = sum(weights)
        side = min(box.width, box.height)
        scale = box.width * box.height / total if total else 0.0
        count = 1
        while count < len(weights) and (
            _worst(weights[: count + 1], side, scale) <= _worst(weights[:count], side, scale)
        ):
            count += 1
        row, weights = weights[:count], weights[count:]
        share = sum(row) / total if weights else 1.0
        if box.width >= box.height:
            edge = box.left + box.width * share
            yield from _cut(row, Box(box.left, box.top, edge, box.bottom), down=True)
            box = box._replace(left=edge)
        else:
            edge = box.top + box.height * share
            yield from _cut(row, Box(box.left, box.top, box.right, edge), down=False)
            box = box._replace(top=edge)


def _worst(row: Sequence[float], side: float, scale: float) -> float:
    """The longest of the row's rectangles: its longer side over its shorter one."""
    areas = [weight * scale for weight in row]
    depth = sum(areas) / side if side else 0.0
    if not depth or not min(areas):
        return float("inf")
    return max(max(area / depth**2, depth**2 / area) for area in areas)


def _cut(row: Sequence[float], box: Box, down: bool) -> Iterator[Box]:
    """The box cut into pieces, from top to bottom or from left to right."""
    total = sum(row)
    length = box.height if down else box.width
    start = box.top if down else box.left
    before = 0.0
    for weight in row:
        first, before = start + length * before / total, before + weight
        last = start + length * before / total
        yield box._replace(top=first, bottom=last) if down else box._replace(left=first, right=last)
