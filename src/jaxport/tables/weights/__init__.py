"""How the variables of parts are made from the entries of a torch state_dict."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache


@cache
def weights() -> dict[str, dict[str, tuple[str, str]]]:
    """For each part whose variables are not torch's: torch's name, ours, how it is made."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for module in pkgutil.iter_modules(__path__):
        found.update(importlib.import_module(f"{__name__}.{module.name}").WEIGHTS)
    return found


def has_property(part: str, name: str) -> bool:
    """Whether the part's Variable has another name than torch's, which a property gives then."""
    ours = weights().get(part, {}).get(name)
    return ours is not None and ours[0] != name
