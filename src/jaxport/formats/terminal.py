"""Text on a terminal: its colours, its columns, and what must not reach it."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

BOLD, RED, GREEN, BLUE, CYAN = "1", "31", "32", "34", "36"


def has_colour(stream: TextIO) -> bool:
    """Whether colours are wanted: `NO_COLOR`, `FORCE_COLOR`, else a terminal that is not dumb."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def width() -> int:
    """How wide the terminal is: what `COLUMNS` says, else what it says itself, else 80."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80


def painted(text: str, *codes: str, on: bool) -> str:
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if on else text


def one_line(text: str) -> str:
    """`text` with what would break its line, or command a terminal, as Python escapes it."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def many(count: int, noun: str) -> str:
    """The number and the noun, in the plural where it needs to be."""
    return f"{count} {noun}{'s' * (count != 1)}"


def code_line(text: str) -> str:
    """A line of code with tabs as four spaces and one sign for each invisible character."""
    if text.isprintable():
        return text
    return "".join(
        "    " if char == "\t" else char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def columns(text: str) -> int:
    """How wide `text` is on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )
