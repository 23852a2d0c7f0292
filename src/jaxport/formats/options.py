"""What a run asks of its format."""

from __future__ import annotations

from jaxport.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Level = Literal["error", "warning", "notice"]

LEVELS: tuple[Level, ...] = ("error", "warning", "notice")


@record(frozen=True)
class Options:
    """`colour` is for the formats that a person reads, `level` for GitHub's annotations."""

    colour: bool = False
    level: Level = "error"
