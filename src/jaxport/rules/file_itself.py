"""JXP001 to JXP003 and JXP006: the file can't be checked. No rule finds these, reading it does."""

from __future__ import annotations

from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import File, Rule


def _found_by_source(file: File) -> Iterator[Finding]:
    return iter(())


RULES = tuple(
    Rule(
        code=code,
        name=name,
        summary=summary,
        why="What can't be read can't be called clean. The other files are still checked.",
        fix_safety="There is no fix.",
        check=_found_by_source,
        triggers=(),
    )
    for code, name, summary in (
        ("JXP001", "syntax-error", "The file is not Python 3 source code."),
        ("JXP002", "unreadable", "The file can't be read or written."),
        ("JXP003", "wrong-encoding", "The file's bytes don't fit its encoding."),
        ("JXP006", "internal-error", "jaxport itself failed; the file is left as it was."),
    )
)
# What says that a file was not checked. It holds for the whole file: no comment suppresses it.
UNCHECKED = frozenset(rule.code for rule in RULES)
