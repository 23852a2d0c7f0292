"""How the findings of one file are shown."""

from __future__ import annotations

from collections.abc import Callable

from jaxport.check import Checked
from jaxport.formats import concise, full, json_lines

FORMATS: dict[str, Callable[[Checked], str]] = {
    "concise": concise.render,
    "full": full.render,
    "json-lines": json_lines.render,
}
