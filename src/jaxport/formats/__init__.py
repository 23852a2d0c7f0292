"""How findings are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxport.check import Checked
from jaxport.formats import concise, full, json_format

Format = Callable[[Sequence[Checked]], str]

FORMATS: dict[str, Format] = {
    "concise": concise.render,
    "full": full.render,
    "json": json_format.render,
    "json-lines": json_format.render_lines,
}
