"""Markdown in which foreign text means nothing but itself."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

from jaxport.formats.terminal import one_line

_SPECIAL = frozenset(string.punctuation) - frozenset("./-,:'%")


def escaped(text: str) -> str:
    """The text, in a table too."""
    return "".join(
        f"&#{ord(char)};" if char in "|`<>&\\" else "\\" + char if char in _SPECIAL else char
        for char in one_line(text)
    )  # fmt: skip


def code(text: str) -> str:
    """The text as code, in which GitHub looks for no names of people and no pictures."""
    return f"<code>{escaped(text)}</code>"


def message(text: str) -> str:
    """The message of a finding, with what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escaped(text)
    return "".join(
        code(part) if index % 2 else escaped(part)
        for index, part in enumerate(parts)
    )


def table(headers: Sequence[str], left: int, rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown cells, the first `left` columns aligned to the left."""
    marks = ["---"] * left + ["---:"] * (len(headers) - left)
    return "".join(f"| {' | '.join(row)} |\n" for row in (headers, marks, *rows))


def fenced(text: str, language: str) -> str:
    """A block of code that nothing in `text` can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}\n"


def folded(title: str, body: str) -> str:
    """`body` behind a line that opens it; `title` is HTML."""
    return f"<details><summary>{title}</summary>\n\n{body}\n</details>\n"
