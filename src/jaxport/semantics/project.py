"""The other files of the project: found by import, read once, never run."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jaxport import source as sources
from jaxport.source import SourceFile

if TYPE_CHECKING:
    from jaxport.semantics.model import Model

_DEPTH = 12
# How many bytes of source text are kept parsed. A tree and its model take about 40 times as much.
_KEPT = 3_000_000


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
        starts = list(dict.fromkeys([package_root(folder), folder]))
    for start in starts:
        found = _module(str(start), module)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=16384)
def _module(folder: str, module: str) -> Path | None:
    """The file of the dotted `module` below `folder`."""
    path = os.path.join(folder, *module.split("."))
    candidates = [os.path.join(path, "__init__.py")]
    if module:
        candidates.insert(0, f"{path}.py")
    return next((Path(name) for name in candidates if os.path.isfile(name)), None)


@dataclass
class _Kept:
    data: bytes
    source: SourceFile
    model: Model | None = None


# The files that were read last, the last one at the end.
_files: OrderedDict[Path, _Kept] = OrderedDict()


def read(path: Path) -> SourceFile:
    """The file at `path`, parsed; not once more where it is as it was when it was read last.

    Raises:
        SourceError: it can't be read, decoded or parsed.
    """
    data = sources.read_bytes(path)
    kept = _files.get(path)
    if kept is None or kept.data != data:
        kept = _files[path] = _Kept(data, sources.parse(path, data))
        _forget()
    _files.move_to_end(path)
    return kept.source


def _forget() -> None:
    size = sum(len(kept.data) for kept in _files.values())
    while size > _KEPT and len(_files) > 1:
        _, kept = _files.popitem(last=False)
        size -= len(kept.data)


def model_of(source: SourceFile) -> Model:
    """What the file means: worked out once for what `read` gave."""
    from jaxport.semantics.model import Model

    kept = _files.get(source.path)
    if kept is None or kept.source is not source:
        return Model(source)
    if kept.model is None:
        kept.model = Model(source)
    return kept.model


def load(path: Path) -> Model | None:
    """The model of the file at `path`, None where it can't be read."""
    kept = _files.get(path)
    if kept is not None:
        _files.move_to_end(path)
    try:
        return model_of(kept.source if kept is not None else read(path))
    except (sources.SourceError, RecursionError):
        return None
