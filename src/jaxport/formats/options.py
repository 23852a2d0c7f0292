"""What a run asks of its format."""

from __future__ import annotations

from typing import Literal, get_args

from jaxport.records import record

Level = Literal["error", "warning", "notice"]
LEVELS: tuple[Level, ...] = get_args(Level)


@record(frozen=True)
class Options:
    """`colour` is for the formats that a person reads, `level` for GitHub's annotations."""

    colour: bool = False
    level: Level = "error"
