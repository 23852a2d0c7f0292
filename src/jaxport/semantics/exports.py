"""What a file hands on under the names at its top, which is all that most others ask of it.

That a name is a function or a class shows without the file's meaning: the statements at the top
say it, and imports are followed from file to file. No tree is kept for it.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from jaxport.records import record
from jaxport.semantics import project
from jaxport.semantics.origins import parts_of
from jaxport.source import SourceError, SourceFile

# The fields of a statement that bind names.
_BINDING = ("targets", "target", "items", "pattern")
# The names behind `global`, which a backslash can spread out.
_GLOBAL = r"global\b((?:[\w \t\f,]|\\\r?\n)+)"


@record(frozen=True)
class Import:
    """`from <level dots><module> import <target>`; `import <module>` without a target."""

    module: str
    target: str = ""
    level: int = 0


_Bound = dict[str, list[Import | bool]]


@record(frozen=True)
class Top:
    """The names at the top of a file: those that only functions and classes are bound to, those
    that one import alone binds, and `others`."""

    defined: frozenset[str]
    imported: dict[str, Import]
    others: frozenset[str]


@lru_cache(maxsize=65536)
def is_defined(
    importer: Path, start: Import, attributes: tuple[str, ...]
) -> tuple[bool, frozenset[Path]]:
    """Whether an attribute of what is imported is a function or a class; the files that tell it.

    `attributes` are the names behind the imported one: `("nn", "relu")` for `torch.nn.relu`.
    """
    asked: set[Path] = set()
    found = _led(importer, start, asked, ())
    for name in attributes:
        if not isinstance(found, Path):
            return False, frozenset(asked)
        found = _attribute(found, name, asked)
    return found is True, frozenset(asked)


# A name leads to a file, to a function or class (True), or to what only the file's meaning tells.
_Found = Path | bool | None
_Way = tuple[tuple[Path, str], ...]


def _led(importer: Path, start: Import, asked: set[Path], way: _Way) -> _Found:
    """What the import leads to; what an import of itself is on the `way` to is a file."""
    path = project.locate(importer, start.module, start.level)
    if not start.target:
        return path
    if path is not None and (path, start.target) not in way:
        asked.add(path)
        top = of(path)
        name = start.target
        if top is not None and name in top.defined:
            return True
        if top is not None and name in top.imported:
            return _led(path, top.imported[name], asked, (*way, (path, name)))
        if top is not None and name in top.others:
            return None
    return project.locate(importer, f"{start.module}.{start.target}".strip("."), start.level)


def _attribute(path: Path, name: str, asked: set[Path]) -> _Found:
    """The attribute `name` of the file at `path` as a module."""
    asked.add(path)
    top = of(path)
    if top is None or name in top.others:
        return None
    if name in top.defined:
        return True
    if name in top.imported:
        return _led(path, top.imported[name], asked, ((path, name),))
    return project.locate(path, name, 1) if path.name == "__init__.py" else None


def renew() -> None:
    """Begin anew, with the files as they are now."""
    project.renew()
    is_defined.cache_clear()
    of.cache_clear()


@lru_cache(maxsize=16384)
def of(path: Path) -> Top | None:
    """The names at the top of the file at `path`; None where it can't be read."""
    try:
        names = _names(project.read(path))
    except (SourceError, RecursionError):
        return None
    imported = {
        name: bound[0] for name, bound in names.items()
        if len(bound) == 1 and isinstance(bound[0], Import)
    }
    defined = frozenset(name for name, bound in names.items() if all(b is True for b in bound))
    return Top(defined, imported, frozenset(names.keys() - imported.keys() - defined))


def _names(source: SourceFile) -> _Bound:
    """What binds each name at the top: an import, True for a function or class, or something."""
    found: _Bound = defaultdict(list)
    for name in _from_below(source.words):
        found[name].append(False)
    nodes: list[ast.AST] = [source.tree]
    for node in nodes:  # grows
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name].append(True)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for name, bound in imports(node):
                found[name].append(bound)
        else:
            nodes += parts_of(node)
            for name in _bound(node):
                found[name].append(False)
    return found


def _from_below(text: str) -> list[str]:
    """The names that functions and expressions may bind at the top: some that they do not, too."""
    behind = re.findall(_GLOBAL, text) if "global" in text else []
    names = [name for names in behind for name in re.findall(r"\w+", names)]
    for before in text.split(":=")[:-1]:
        names += re.findall(r"\w+", before[-200:])[-1:]
    return names


def imports(node: ast.Import | ast.ImportFrom) -> list[tuple[str, Import]]:
    """The names that the statement binds, each with what it is."""
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        return [(alias.asname or alias.name, Import(module, alias.name, node.level))
                for alias in node.names]
    return [
        (alias.asname, Import(alias.name)) if alias.asname
        else (alias.name.split(".")[0], Import(alias.name.split(".")[0]))
        for alias in node.names
    ]


def _bound(node: ast.AST) -> set[str]:
    """The names that a statement binds beside those in its body."""
    found = {node.name} if isinstance(node, ast.ExceptHandler) and node.name else set()
    for field in _BINDING:
        value = getattr(node, field, ())
        for item in value if isinstance(value, list) else [value]:
            for inner in ast.walk(item) if item else ():
                if isinstance(inner, ast.Name):
                    found.add(inner.id)
                elif isinstance(inner, (ast.MatchAs, ast.MatchStar)) and inner.name:
                    found.add(inner.name)
                elif isinstance(inner, ast.MatchMapping) and inner.rest:
                    found.add(inner.rest)
    return found
