"""The other files of the project: found by import, read once, never run.

What an answer about a file depends on: its text; where each of its imports leads (`locate`), or
that it leads nowhere; for an `__init__.py` also which modules lie beside it; and the same of all
files in `Model.dependencies`, where every file is noted that was asked for this one, be it for its
model (`load`) or for what it hands on (`exports`). Theirs are to be followed in turn.
"""

from __future__ import annotations

import ast
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from jaxport import source as sources
from jaxport.records import record
from jaxport.semantics.origins import NONE, Origin, digest, imports, origins
from jaxport.source import SourceFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.semantics.model import Model

_DEPTH = 12
# How many bytes of source text are kept parsed. A tree and its model take about 50 times as much.
_KEPT = 5_500_000


@lru_cache(maxsize=4096)
def package_root(folder: Path) -> Path:
    """The folder that absolute imports start from: above the outermost `__init__.py`."""
    for _ in range(_DEPTH):
        if not (folder / "__init__.py").is_file():
            break
        folder = _above(folder)
    return folder


def _above(folder: Path) -> Path:
    """The folder that holds `folder`, which `parent` does not say of `.` and `..`."""
    climbs = not folder.is_absolute() and folder.name in ("", "..")
    return folder / ".." if climbs else folder.parent


@lru_cache(maxsize=65536)
def locate(importer: Path, module: str, level: int) -> Path | None:
    """The file that `from <level dots><module> import …` in `importer` reads, in the project."""
    folder = importer.parent
    if level:
        for _ in range(level - 1):
            folder = _above(folder)
        starts = [folder]
    else:
        starts = [package_root(folder)]
        # A file beside the importer is found if that is run as a script, and is no `typing.py`.
        if folder not in starts and module.split(".")[0] not in sys.stdlib_module_names:
            starts.append(folder)
    for start in starts:
        found = _module(str(start), module)
        if found is not None:
            # One file has one name, whichever way led to it.
            return Path(os.path.relpath(found)) if ".." in found.parts else found
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
    return any(_led(source.path, name) for name in imports(source.tree).split("\n"))


def has_torch(source: SourceFile) -> bool:
    """Whether torch, as the file imports it, is a part of the project, so that none is outside."""
    root = str(package_root(source.path.parent))
    return _module(root, "torch") is not None and any(
        name.split(".")[0] == "torch" for name in imports(source.tree).split("\n")
    )


def _led(importer: Path, name: str) -> Path | None:
    """Where the import of `name`, as `origins.imports` writes it, leads."""
    module = name.lstrip(".")
    if not name:
        return None
    return locate(importer, module, len(name) - len(module))


def read_bytes(path: Path) -> bytes:
    """What is in the file at `path`. Raises SourceError where it can't be read."""
    try:
        return sources.read_bytes(path)
    except sources.SourceError:
        origins.add(path, NONE)
        raise


def note(path: Path, data: bytes, tree: ast.Module | None) -> None:
    """Remember what the file that was read was like, for answers that are kept."""
    if origins.on:
        content, names = digest(data), imports(tree) if tree else ""
        origins.add(path, Origin(content, names, stamp(path, content, names)))


def stamp(path: Path, content: str, names: str) -> str:
    """What changes whenever the file's content does, or where its imports of `names` lead."""
    found = [content, *(str(_led(path, name)) for name in names.split("\n"))]
    if path.name == "__init__.py":
        found += _package(path.parent)  # Its modules are its attributes too.
    return digest("\n".join(found).encode(errors="surrogatepass"))


@lru_cache(maxsize=16384)
def _package(folder: Path) -> list[str]:
    """The names of the modules in the folder."""
    try:
        names = {name.removesuffix(".py") for name in os.listdir(folder)}
    except OSError:
        return []
    return sorted(name for name in names if _module(str(folder), name))


def renew() -> None:
    """Begin anew, with the files as they are now."""
    forget()
    origins.clear()
    for kept in (package_root, locate, _module, _package):
        kept.cache_clear()


@record
class _File:
    data: bytes
    source: SourceFile
    model: Model | None = None
    asked: bool = False


class _Kept:
    """The files that are kept parsed: those that others asked for, others while there is `room`."""

    def __init__(self) -> None:
        self.files: dict[Path, _File] = {}
        self.size = 0
        self.room = _KEPT // 2
        self.turns: dict[Path, int] = defaultdict(int)

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


def _forget_most() -> None:
    """Let go of all files but those that others asked for the most times that this was done.

    What these mean is let go of too, so that nothing in them refers to the others.
    """
    for path, file in _kept.files.items():
        _kept.turns[path] += file.asked
    files = sorted(_kept.files.items(), key=lambda item: -_kept.turns[item[0]])
    _kept.files.clear()
    _kept.size = 0
    for path, file in files:
        if file.asked and _kept.size + len(file.data) <= _KEPT // 2:
            file.asked = False
            _kept.add(path, file)
            if file.model is not None:
                file.model.begin()
        elif file.model is not None:
            file.model.forget()


def _parse(path: Path, data: bytes) -> SourceFile:
    try:
        source = sources.parse(path, data)
    except sources.SourceError:
        note(path, data, None)
        raise
    note(path, data, source.tree)
    return source


def read(path: Path) -> SourceFile:
    """The file at `path`, parsed; not once more where it is kept and has not changed.

    Raises:
        SourceError: it can't be read, decoded or parsed.
    """
    data = read_bytes(path)
    file = _kept.files.get(path)
    if file is not None and file.data == data:
        return file.source
    source = _parse(path, data)
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
        _forget_most()
        _kept.room = 0  # The project is too large for files that nobody asked for.


def load(path: Path) -> Model | None:
    """The model of the file at `path`, None where it can't be read."""
    file = _kept.files.get(path)
    try:
        if file is None:
            data = read_bytes(path)
            file = _File(data, _parse(path, data))
            _kept.add(path, file)
        file.asked = True
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
