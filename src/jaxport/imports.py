"""Imports follow the rewrite: what it needs is added once, what nothing uses any more goes."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator

from jaxport.findings import Edit, Position, Span
from jaxport.source import SourceFile


def import_edits(
    source: SourceFile, needed: Iterable[tuple[str, str]], user: int = 0
) -> list[Edit]:
    """The edits that import the modules that the file does not import above the row `user`.

    `needed` are pairs of a module and how the new code spells it; where they differ the file
    has an alias already. `import flax` does not count for `flax.nnx`: it does not load it.
    """
    present = {
        alias.name
        for statement in source.tree.body
        if isinstance(statement, ast.Import) and (statement.lineno < user or not user)
        for alias in statement.names
        if alias.asname is None
    }
    missing = sorted(
        {module for module, spelled in needed if module == spelled and module not in present}
    )
    if not missing:
        return []
    row, before = import_place(source, user)
    newline = source.newline()
    text = "".join(f"import {module}{newline}" for module in missing)
    at = Position(row, 0)
    if row > len(source.lines):
        last = source.lines[-1] if source.lines else ""
        text = (newline if last and not last.endswith(("\n", "\r")) else "") + text
    elif not before:
        text += newline
    return [Edit(Span(at, at), text)]


def line_edits(source: SourceFile, lines: Iterable[str]) -> list[Edit]:
    """The edits that add these imports where the file has not got them."""
    missing = {line for line in lines if not _has(source, line)}
    standard = {line for line in missing if is_standard(line.split()[1])}
    others = "".join(f"{line}{source.newline()}" for line in sorted(missing - standard))
    at = Position(import_place(source)[0], 0)
    return [*_standard_edits(source, standard), *([Edit(Span(at, at), others)] if others else [])]


def _standard_edits(source: SourceFile, lines: set[str]) -> list[Edit]:
    """The edit that adds imports of the standard library, behind others of it or above all."""
    plain = sorted(line for line in lines if line.startswith("import "))
    modules: dict[str, set[str]] = {}
    for line in lines - set(plain):
        statement = ast.parse(line).body[0]
        assert isinstance(statement, ast.ImportFrom)
        modules.setdefault(statement.module or "", set()).update(
            alias.name for alias in statement.names
        )
    plain += [f"from {module} import {', '.join(sorted(modules[module]))}"
              for module in sorted(modules)]
    if not plain:
        return []
    newline = source.newline()
    top = [item for item in source.tree.body if isinstance(item, (ast.Import, ast.ImportFrom))]
    first = next((item for item in top if not _is_standard(item)), None)
    above = [item for item in top if first is None or item.lineno < first.lineno]
    row, gap = (first.lineno, newline) if first is not None else (import_place(source)[0], newline)
    if above:
        row, gap = (above[-1].end_lineno or above[-1].lineno) + 1, ""
    at = Position(row, 0)
    return [Edit(Span(at, at), "".join(f"{line}{newline}" for line in plain) + gap)]


def is_standard(module: str) -> bool:
    """Whether the module belongs to Python's standard library."""
    return module.split(".")[0] in sys.stdlib_module_names


def _is_standard(statement: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return not statement.level and is_standard(statement.module or "")
    return is_standard(statement.names[0].name)


def _has(source: SourceFile, line: str) -> bool:
    """Whether the file has the import already."""
    wanted = ast.parse(line).body[0]
    assert isinstance(wanted, (ast.Import, ast.ImportFrom))
    names = {(alias.name, alias.asname) for alias in wanted.names}
    return any(
        type(statement) is type(wanted)
        and getattr(statement, "module", "") == getattr(wanted, "module", "")
        and names <= {(alias.name, alias.asname) for alias in statement.names}
        for statement in source.tree.body
        if isinstance(statement, (ast.Import, ast.ImportFrom))
    )


def import_place(source: SourceFile, user: int = 0) -> tuple[int, bool]:
    """The row to put imports in, and whether other imports stand there.

    It is in front of the first import that would sort after them in the block that imports
    torch, or whatever the file's first import is; else behind the docstring. In a notebook, a
    cell above the row `user` may import torch behind what other cells do.
    """
    body = source.tree.body
    start = 0
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        start = 1
    while start < len(body) and _is_future(body[start]):
        start += 1
    top = []
    leading = True
    for statement in body[start:]:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if leading or (_root(statement) == "torch" and statement.lineno < user
                           and source.is_divided(1, statement.lineno)):
                top.append(statement)
        else:
            leading = False
    torch = next((item for item in top if _root(item) == "torch"), None)
    chosen = torch or next(iter(top), None)
    if chosen is not None and _owns_its_lines(source, chosen):
        first = top[top.index(chosen) - 1] if top.index(chosen) else None
        index = top.index(chosen)
        while first is not None and _sorts_after(first) and (
            first.end_lineno == top[index].lineno - 1
        ) and _owns_its_lines(source, first):
            index -= 1
            first = top[index - 1] if index else None
        return top[index].lineno, True
    if start:
        return (body[start - 1].end_lineno or 1) + 1, False
    row = 1
    for line in source.lines:
        if not line.lstrip().startswith("#"):
            break
        row += 1
    return row, False


def _sorts_after(statement: ast.Import | ast.ImportFrom) -> bool:
    return _root(statement) > "jax" or isinstance(statement, ast.ImportFrom)


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _root(statement: ast.Import | ast.ImportFrom) -> str:
    if isinstance(statement, ast.ImportFrom):
        return "" if statement.level else (statement.module or "").split(".")[0]
    return statement.names[0].name.split(".")[0]


def _owns_its_lines(source: SourceFile, statement: ast.stmt) -> bool:
    span = source.span(statement)
    after = source.lines[span.end.row - 1][span.end.column :].strip()
    return span.start.column == 0 and (not after or after.startswith("#"))


def removal_edits(before: SourceFile, after: SourceFile) -> list[Edit]:
    """The edits to `after` that remove the imports which only `before` used."""
    if after.path.name == "__init__.py":
        return []
    gone = _loads(before.tree) - _loads(after.tree)
    if not gone:
        return []
    plain = {node.value for node in ast.walk(after.tree) if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(after.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in plain
    ]
    texts.append(after.mentions)
    gone = {
        name for name in gone if not any(re.search(rf"\b{name}\b", text) for text in texts)
    }
    return removals(after, gone)


def removals(source: SourceFile, gone: set[str]) -> list[Edit]:
    """The edits that take the names out of the imports at the top of the file."""
    return list(_removals(source, gone))


def _removals(source: SourceFile, gone: set[str]) -> Iterator[Edit]:
    for statement in source.tree.body:
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        kept = [alias for alias in statement.names if _bound(alias) not in gone]
        span = source.span(statement)
        last = source.lines[span.end.row - 1]
        if len(kept) == len(statement.names) or not _owns_its_lines(source, statement):
            continue
        if last[span.end.column :].strip():
            continue
        if not kept:
            yield Edit(Span(span.start, Position(span.end.row, len(last))), "")
            continue
        yield Edit(span, _without(source, statement, gone))


def _without(source: SourceFile, statement: ast.stmt, gone: set[str]) -> str:
    import libcst

    text = ast.get_source_segment(source.text, statement) or ""
    line = libcst.parse_statement(text)
    assert isinstance(line, libcst.SimpleStatementLine)
    node = line.body[0]
    assert isinstance(node, (libcst.Import, libcst.ImportFrom))
    assert not isinstance(node.names, libcst.ImportStar)
    kept = [alias for alias in node.names if (alias.evaluated_alias or alias.evaluated_name
                                              ).split(".")[0] not in gone]
    last = node.names[-1].comma
    if isinstance(node, libcst.Import) or node.lpar is None:
        last = libcst.MaybeSentinel.DEFAULT
    kept[-1] = kept[-1].with_changes(comma=last)
    return libcst.Module([]).code_for_node(node.with_changes(names=kept))


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]


def _loads(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
