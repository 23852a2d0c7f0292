"""Whole files, from PyTorch to Flax NNX: written only where nothing is left to do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from jaxport import check, fix
from jaxport import source as sources
from jaxport.config import Config
from jaxport.findings import Edit, Finding, Position, Span
from jaxport.imports import import_place, removals
from jaxport.records import field, record, replace
from jaxport.semantics import project
from jaxport.source import SourceError, SourceFile
from jaxport.tables import torch_names

# What ported code calls these modules, and the imports that say so.
_IMPORTS = {"nnx": "from flax import nnx", "jax": "import jax", "jnp": "import jax.numpy as jnp",
            "optax": "import optax"}  # fmt: skip


@record
class Ported:
    """What porting one file gave.

    `text` is the ported file, None where nothing had to be done. `blockers` are what keeps it from
    being clean, at their places in the original.
    """

    path: Path
    source: SourceFile | None = None
    text: str | None = None
    blockers: list[Finding] = field(default_factory=list)
    done: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.blockers


def port_paths(paths: list[Path], settings: Callable[[Path], Config]) -> list[Ported]:
    """Port files that belong together: one is clean only if those that it imports are too."""
    mentions = "\n".join(_text(path) for path in paths)
    results = {path.resolve(): port_path(path, settings(path), mentions) for path in paths}
    needed = {path: list(_needed(result)) for path, result in results.items()}
    changed = True
    while changed:
        changed = False
        for path, result in results.items():
            for finding, other in needed[path]:
                if result.blockers:
                    break
                if other not in results:
                    reason = "it needs torch, and is not ported along"
                elif results[other].blockers:
                    reason = "it is blocked itself"
                else:
                    continue
                message = f"{finding.message} (not ported: {reason})"
                result.blockers.append(replace(finding, message=message))
                changed = True
    return list(results.values())


def _needed(result: Ported) -> Iterator[tuple[Finding, Path]]:
    """The files of the project that need torch and that the file imports."""
    if result.source is None:
        return
    source = result.source
    for statement, name, path in project.imported(source.path.resolve(), source.tree):
        for other in _torch_files(path, _asked(statement), set()):
            yield Finding("JXP004", f"`{name}` is imported", source.span(statement)), other


def _torch_files(path: Path | None, names: set[str], seen: set[Path]) -> Iterator[Path]:
    """The file if it needs torch, else those that it hands the names on from."""
    model = project.load(path) if path is not None and path not in seen else None
    if path is None or model is None:
        return
    seen.add(path)
    if model.uses_torch:
        yield path.resolve()
        return
    for statement, _, other in project.imported(path.resolve(), model.source.tree):
        if isinstance(statement, ast.ImportFrom):
            bound = {alias.asname or alias.name: alias.name for alias in statement.names}
            wanted = {bound[name] for name in names & bound.keys()}
            if wanted or "*" in bound:
                yield from _torch_files(other, wanted or names, seen)


def _asked(statement: ast.stmt) -> set[str]:
    """The names that a `from` import takes."""
    if isinstance(statement, ast.ImportFrom):
        return {alias.name for alias in statement.names}
    return set()


def _text(path: Path) -> str:
    try:
        return sources.read(path).text
    except SourceError:
        return ""


def port_path(path: Path, config: Config, mentions: str = "") -> Ported:
    """Port the file at `path`. Never raises: whatever goes wrong is a blocker.

    `mentions` is the text of the files that are ported along: copied layers keep the properties
    with torch's names that these read.
    """
    try:
        return port_source(sources.read(path), config, mentions)
    except SourceError as error:
        return Ported(path, blockers=[error.finding])
    except RecursionError:
        return Ported(path, blockers=[check.at_start("JXP001", "nested too deeply to be ported")])
    except Exception as error:  # our own mistake must not take the other files down
        message = f"jaxport failed on this file ({type(error).__name__}: {error})"
        return Ported(path, blockers=[check.at_start("JXP006", message.replace("\n", " "))])


def port_source(source: SourceFile, config: Config, mentions: str = "") -> Ported:
    """Port a parsed file."""
    if source.skipped(noqa=False):
        return Ported(source.path, source)
    settings = replace(config, select=("ALL",), ignore=(), extend_select=(), per_file_ignores=())
    prepared, rows = _with_imports(source)
    found = check.findings(prepared, settings, noqa=False, porting=True)
    chosen = [
        item for item in fix.applicable(found, unsafe=False)
        if item.rewrite and not item.rewrite.escape
    ]
    gone = [item.span for item in chosen
            if item.rewrite and item.rewrite.hook in ("transform_optimizer_init", "convert_clip")]
    blockers = [
        _moved(item, rows) for item in found
        if item not in _Same(chosen) and not (
            item.rewrite is None and any(span.contains(item.span) for span in gone)
        )
    ]
    if not chosen:
        return Ported(source.path, source, None, blockers)
    try:
        applied = fix.apply(prepared, chosen, config.dialect, mentions)
    except SourceError as error:
        message = f"the port was thrown away, it does not parse: {error}"
        return Ported(source.path, source, None, [check.at_start("JXP006", message), *blockers])
    after = _without_unused(source, applied)
    after = _without_devices(after)
    blockers = blockers or list(_torch_left(after))
    return Ported(source.path, source, after.text, blockers, chosen)


def _torch_left(after: SourceFile) -> Iterator[Finding]:
    """The imports of torch, and of what is built on it, that are still there."""
    for statement in ast.walk(after.tree):
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        level = statement.level if isinstance(statement, ast.ImportFrom) else 0
        for alias in statement.names:
            full = _full(statement, alias)
            if torch_names.is_torch(full) and project.locate(
                after.path.resolve(), full.rsplit(".", 1)[0], level
            ) is None and project.locate(after.path.resolve(), full, level) is None:
                message = f"`{full}` is still imported in the ported file"
                yield Finding("JXP004", message, after.span(statement))


class _Same:
    """Findings compared by identity: two of one place may differ in their rewrite."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._ids = {id(item) for item in findings}

    def __contains__(self, item: object) -> bool:
        return id(item) in self._ids


def _with_imports(source: SourceFile) -> tuple[SourceFile, tuple[int, int]]:
    """The file with JAX imported under its usual names, and where how many lines were added."""
    used = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    used |= {node.arg for node in ast.walk(source.tree) if isinstance(node, ast.arg)}
    bound = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(source.tree) if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    lines = [line for name, line in sorted(_IMPORTS.items(), key=lambda item: item[1])
             if name not in used | bound]
    lines.sort(key=lambda line: (line.startswith("from"), line))
    row, before = import_place(source)
    newline = source.newline()
    text = "".join(f"{line}{newline}" for line in lines)
    added = len(lines)
    if not before and text:
        text += newline
        added += 1
    at = Position(row, 0)
    if row > len(source.lines) and source.lines and not source.lines[-1].endswith(("\n", "\r")):
        text = newline + text
    changed = source.with_text(fix.replace(source.lines, [Edit(Span(at, at), text)]))
    return changed, (row, added)


def _moved(finding: Finding, rows: tuple[int, int]) -> Finding:
    """The finding at its place in the original, without a rewrite."""
    row, added = rows

    def back(at: Position) -> Position:
        return Position(at.row - added, at.column) if at.row >= row + added else at

    span = Span(back(finding.span.start), back(finding.span.end))
    return replace(finding, span=span, rewrite=None)


def _without_devices(after: SourceFile) -> SourceFile:
    """The file without the variables for a device that nothing reads any more."""
    read = {node.id for node in ast.walk(after.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    edits = []
    for node in ast.walk(after.tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or len(body) < 2:
            continue
        for statement in body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if (
                    name not in read and ast.unparse(value) == "jax.devices()[0]"
                    and statement.lineno == statement.end_lineno
                    and after.lines[statement.lineno - 1].strip() == ast.unparse(statement)
                ):
                    row = statement.lineno
                    last = Position(row, len(after.lines[row - 1]))
                    edits.append(Edit(Span(Position(row, 0), last), ""))
    return after.with_text(fix.replace(after.lines, sorted(edits, key=lambda item: item.span)))


def _full(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    if isinstance(statement, ast.Import):
        return alias.name
    return "" if statement.level else f"{statement.module}.{alias.name}"


def _without_unused(before: SourceFile, after: SourceFile) -> SourceFile:
    """The file without the new imports, and those of torch, that nothing in it uses."""
    old = {ast.unparse(item) for item in before.tree.body
           if isinstance(item, (ast.Import, ast.ImportFrom))}
    used = {node.id for node in ast.walk(after.tree) if isinstance(node, ast.Name)}
    used -= {item.name for item in after.tree.body
             if isinstance(item, (ast.ClassDef, ast.FunctionDef))}
    edits = removals(after, {
        alias.asname or alias.name.split(".")[0]
        for statement in after.tree.body if isinstance(statement, (ast.Import, ast.ImportFrom))
        for alias in statement.names
        if torch_names.is_torch(_full(statement, alias)) or ast.unparse(statement) not in old
    } - used)
    return after.with_text(fix.replace(after.lines, edits)) if edits else after


