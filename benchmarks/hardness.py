"""Fix whole folders of real code with every rule on, and look for what must never happen.

    python -m benchmarks.hardness FOLDER... [--unsafe] [--every N] [--jobs N]

Each file is read, fixed and fixed again, in memory; nothing is written. A crash, a rewrite that had
to be thrown away, a result that does not parse, a second fix that changes something, and a line
that changed although no edit is on it are listed; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from jaxport import check, fix
from jaxport.commands import shared
from jaxport.config import Config
from jaxport.source import SourceFile

_ALL = Config(select=("ALL",))
# What can't be checked at all, which is no one's mistake but the file's.
_UNCHECKED = frozenset({"JXP001", "JXP002", "JXP003"})


def problems(path: Path, unsafe: bool) -> tuple[str, list[str]]:
    """Whether the file was "skipped", "kept" or "fixed", and what went wrong."""
    once = check.check_path(path, _ALL, fix=True, unsafe=unsafe)
    if once.source is None and {item.code for item in once.findings} <= _UNCHECKED:
        return "skipped", []
    found = [item.message for item in once.findings if item.code == "JXP006"]
    if once.text is None or once.before is None:
        return "kept", found
    assert once.source is not None and once.before.source is not None
    return "fixed", [*found, *_wrong(path, once.before.source, once.source, unsafe)]


def _wrong(path: Path, before: SourceFile, after: SourceFile, unsafe: bool) -> Iterator[str]:
    try:
        ast.parse(after.text)
    except (SyntaxError, ValueError) as error:
        yield f"the result does not parse: {error}"
        return
    again = check.check_bytes(path, after.encode(after.text), _ALL, fix=True, unsafe=unsafe)
    yield from (item.message for item in again.findings if item.code == "JXP006")
    if again.text is not None:
        yield "a second fix changes something"
    yield from _changed(before, unsafe)


def _changed(source: SourceFile, unsafe: bool) -> Iterator[str]:
    """The first line that is not there after one pass, although no edit is on it."""
    chosen = fix.applicable(check.findings(source, _ALL), unsafe)
    edited = {
        row for edit in fix.edits(source, chosen, "nnx")
        for row in range(edit.span.start.row, edit.span.end.row + 1)
    }  # fmt: skip
    edited |= {
        row for node in ast.walk(source.tree) if isinstance(node, (ast.Import, ast.ImportFrom))
        for row in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    after = iter(fix.apply(source, chosen, "nnx").lines)
    for row, line in enumerate(source.lines, 1):
        if row not in edited and line.strip() and line not in after:
            yield f"row {row} has changed, and no edit is on it"
            return


def _work(path: Path, unsafe: bool) -> tuple[Path, str, list[str]]:
    try:
        return (path, *problems(path, unsafe))
    except Exception as error:  # what is looked for
        return path, "kept", [f"{type(error).__name__}: {error}"]


def _files(folder: Path) -> list[Path]:
    """The Python files in the folder, without what is installed below it."""
    return sorted(
        path for path in folder.rglob("*.py")
        if path.is_file() and "site-packages" not in path.relative_to(folder).parts
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--unsafe", action="store_true", help="apply the unsafe rewrites too")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th file")
    parser.add_argument("--jobs", type=int, default=0)
    arguments = parser.parse_args()
    paths = [path for folder in arguments.folders for path in _files(folder)][:: arguments.every]
    since = time.monotonic()
    counts = dict.fromkeys(("skipped", "kept", "fixed"), 0)
    wrong = 0
    for path, came_to, found in shared.each(
        partial(_work, unsafe=arguments.unsafe), paths, arguments.jobs
    ):
        counts[came_to] += 1
        wrong += bool(found)
        for message in found:
            print(f"{path}: {message}", flush=True)
    done = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{len(paths)} files: {done}, {wrong} wrong; {time.monotonic() - since:.0f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
