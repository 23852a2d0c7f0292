"""The other files of the project: found by import, read once, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jaxport import source

if TYPE_CHECKING:
    from jaxport.semantics.model import Model

_DEPTH = 12


@lru_cache(maxsize=4096)
def package_root(folder: Path) -> Path:
    """The folder that absolute imports start from: above the outermost `__init__.py`."""
    for _ in range(_DEPTH):
        if not (folder / "__init__.py").is_file():
            break
        folder = folder.parent
    return folder


def locate(importer: Path, module: str, level: int) -> Path | None:
    """The file that `from <level dots><module> import …` in `importer` reads, in the project."""
    folder = importer.parent
    if level:
        for _ in range(level - 1):
            folder = folder.parent
        starts = [folder]
    else:
        starts = list(dict.fromkeys([package_root(folder), folder]))
    for start in starts:
        path = start.joinpath(*module.split(".")) if module else start
        for candidate in (path.with_suffix(".py") if module else None, path / "__init__.py"):
            if candidate is not None and _is_file(candidate):
                return candidate
    return None


def imported(path: Path, tree: ast.Module) -> Iterator[tuple[ast.stmt, str, Path | None]]:
    """Each import in the file at `path`: its statement, its full name, and its file in the project.

    A name that is read from a file of the project, and is no file itself, is left out.
    """
    for statement in ast.walk(tree):
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        inside = isinstance(statement, ast.ImportFrom) and statement.level > 0
        for name, level in _modules(statement):
            found = locate(path, name, level)
            if found is None and level and "." not in name:
                found = locate(path, "", level)  # from the package's own file
            if found is not None or not inside:
                yield statement, name, found
            inside |= found is not None and isinstance(statement, ast.ImportFrom)


def _modules(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, int]]:
    if isinstance(statement, ast.Import):
        yield from ((alias.name, 0) for alias in statement.names)
        return
    module = statement.module or ""
    if module:
        yield module, statement.level
    for alias in statement.names:
        yield f"{module}.{alias.name}".strip("."), statement.level


@lru_cache(maxsize=16384)
def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


@lru_cache(maxsize=256)
def load(path: Path) -> Model | None:
    """The model of the file at `path`, None where it can't be read."""
    from jaxport.semantics.model import Model

    try:
        return Model(source.read(path))
    except (source.SourceError, RecursionError):
        return None
