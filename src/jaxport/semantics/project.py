"""The other files of the project: found by import, read once, never run."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jaxport import source as sources
from jaxport.semantics.scopes import walk
from jaxport.source import SourceFile

if TYPE_CHECKING:
    from jaxport.semantics.model import Model

_DEPTH = 12
# The fields that hold statements, or what holds some.
_STATEMENTS = ("body", "orelse", "handlers", "finalbody", "cases")
# How many bytes of source text are kept parsed. A tree and its model take about 50 times as much.
_KEPT = 6_000_000


@lru_cache(maxsize=4096)
def package_root(folder: Path) -> Path:
    """The folder that absolute imports start from: above the outermost `__init__.py`."""
    for _ in range(_DEPTH):
        if not (folder / "__init__.py").is_file():
            break
        folder = folder.parent
    return folder


@lru_cache(maxsize=65536)
def locate(importer: Path, module: str, level: int) -> Path | None:
    """The file that `from <level dots><module> import …` in `importer` reads, in the project."""
    folder = importer.parent
    if level:
        for _ in range(level - 1):
            folder = folder.parent
        starts = [folder]
    else:
        starts = [package_root(folder)]
        # A file beside the importer is found if that is run as a script, and is no `typing.py`.
        if folder not in starts and module.split(".")[0] not in sys.stdlib_module_names:
            starts.append(folder)
    for start in starts:
        found = _module(str(start), module)
        if found is not None:
            return found
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
def _module(folder: str, module: str) -> Path | None:
    """The file of the dotted `module` below `folder`."""
    path = os.path.join(folder, *module.split("."))
    candidates = [os.path.join(path, "__init__.py")]
    if module:
        candidates.insert(0, f"{path}.py")
    return next((Path(name) for name in candidates if os.path.isfile(name)), None)


def imports_any(source: SourceFile) -> bool:
    """Whether the file imports another one of the project."""
    nodes: list[ast.AST] = [source.tree]
    for node in nodes:  # grows
        if isinstance(node, ast.Import):
            named = [(alias.name, 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)]
            named = [(name, node.level) for name in names]
        else:
            for field in _STATEMENTS:
                nodes += getattr(node, field, ())
            continue
        if any(locate(source.path, name, level) for name, level in named):
            return True
    return False


@dataclass
class _File:
    data: bytes
    source: SourceFile
    model: Model | None = None


class _Kept:
    """The files that are kept parsed: those that others asked for, others while there is `room`."""

    def __init__(self) -> None:
        self.files: dict[Path, _File] = {}
        self.size = 0
        self.room = _KEPT // 2

    def add(self, path: Path, file: _File) -> None:
        self.files[path] = file
        self.size += len(file.data)


_kept = _Kept()


def forget() -> None:
    """Let go of all files at once, between two checks: what models know refers to each other."""
    for file in _kept.files.values():
        if file.model is not None:
            file.model.forget()
    _kept.files.clear()
    _kept.size = 0


def read(path: Path) -> SourceFile:
    """The file at `path`, parsed; not once more where it is kept and has not changed.

    Raises:
        SourceError: it can't be read, decoded or parsed.
    """
    data = sources.read_bytes(path)
    file = _kept.files.get(path)
    if file is not None and file.data == data:
        return file.source
    source = sources.parse(path, data)
    if file is None and _kept.size + len(data) <= _kept.room:
        _kept.add(path, _File(data, source))
    return source


@contextmanager
def model_of(source: SourceFile) -> Iterator[Model]:
    """What a file means that is checked: the model that other files know too, or one for now."""
    file = _kept.files.get(source.path)
    if file is not None and file.source is source:
        yield _model(file)
    else:
        model = _made(source)
        try:
            yield model
        finally:
            model.forget()
    if _kept.size > _KEPT:
        forget()
        _kept.room = 0  # The project is too large for files that nobody asked for.


def load(path: Path) -> Model | None:
    """The model of the file at `path`, None where it can't be read."""
    file = _kept.files.get(path)
    try:
        if file is None:
            data = sources.read_bytes(path)
            file = _File(data, sources.parse(path, data))
            _kept.add(path, file)
        return _model(file)
    except (sources.SourceError, RecursionError):
        return None


def _model(file: _File) -> Model:
    if file.model is None:
        file.model = _made(file.source)
    return file.model


def _made(source: SourceFile) -> Model:
    from jaxport.semantics.model import Model

    return Model(source)


@lru_cache(maxsize=16384)
def definitions(path: Path) -> frozenset[str]:
    """The functions and classes at the top of a file whose names nothing else is bound to.

    This is all that most questions about another file come to, and its tree is not kept for it.
    """
    try:
        source = _kept.files[path].source if path in _kept.files else read(path)
        file = _kept.files.get(path)
        found = _model(file).walk if file is not None else walk(source.tree)
    except (sources.SourceError, RecursionError):
        return frozenset()
    names = frozenset(
        name for name, bindings in found.module.bindings.items()
        if all(binding.kind in ("function", "class") for binding in bindings)
    )
    if file is None:
        found.forget()
    return names
