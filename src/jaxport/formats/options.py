"""What a run asks of its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["error", "warning", "notice"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Options:
    """`colour` is for the formats that a person reads, `level` for GitHub's annotations."""

    colour: bool = False
    level: Level = "error"
