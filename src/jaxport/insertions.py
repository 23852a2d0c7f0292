"""The parts that a ported file gets a copy of: where they go, and what they bring along."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from jaxport.findings import Edit, Finding, Position, Span
from jaxport.plans import FormCall, LayerCall, Text
from jaxport.source import SourceFile
from jaxport.tables.parts import Part, parts

Names = dict[str, str]


def missing_parts(source: SourceFile, findings: Iterable[Finding]) -> tuple[list[Part], Names]:
    """The parts that the rewrites call and the file has not, and what they are called in it."""
    names: Names = {}
    for finding in findings:
        plan = finding.rewrite.plan if finding.rewrite else None
        if isinstance(plan, (FormCall, LayerCall, Text)):
            names.update(plan.parts)
    defined = {
        statement.name for statement in source.tree.body
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef))
    }
    wanted = _with_their_own(names)
    return [part for part in wanted if names.get(part.name, part.name) not in defined], names


def part_edits(
    source: SourceFile, missing: list[Part], names: Names, mentions: str
) -> list[Edit]:
    """The edit that puts the parts behind the file's imports.

    Their properties that `mentions` does not read are left out.
    """
    if not missing:
        return []
    newline = source.newline()
    texts = [_text(part, names, mentions) for part in missing]
    row = _row(source)
    content = "".join(f"\n\n{text}\n" for text in texts).replace("\n", newline)
    at = Position(row, 0)
    behind = source.lines[row - 1 : row]
    if behind and behind[0].strip():
        content += newline
    if not _blank(source, row) and behind:
        content += newline
    return [Edit(Span(at, at), content)]


def _blank(source: SourceFile, row: int) -> bool:
    return row <= len(source.lines) and not source.lines[row - 1].strip()


def _with_their_own(names: Iterable[str]) -> list[Part]:
    """The parts, and those that they use, each behind what it needs."""
    known = parts()
    ordered: list[Part] = []
    seen: set[str] = set()

    def add(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        for other in known[name].uses:
            add(other)
        ordered.append(known[name])

    for name in sorted(names):
        add(name)
    return ordered


def _text(part: Part, names: Names, mentions: str) -> str:
    """The definition as the file spells it, without the properties that nothing in it reads."""
    text = _without_unread(part, mentions)
    for name in (part.name, *part.uses):
        new = names.get(name, name)
        if new != name:
            text = re.sub(rf"(?<![\w.\"']){re.escape(name)}(?![\w\"'])", new, text)
    return text


def _without_unread(part: Part, mentions: str) -> str:
    if not isinstance(part.node, ast.ClassDef):
        return part.text
    first = min([part.node.lineno, *(item.lineno for item in part.node.decorator_list)])
    lines: list[str | None] = list(part.text.split("\n"))
    for item in part.node.body:
        if not isinstance(item, ast.FunctionDef) or not any(
            "property" in ast.unparse(decorator) or ".setter" in ast.unparse(decorator)
            for decorator in item.decorator_list
        ):
            continue
        if re.search(rf"\.{item.name}\b", mentions) or re.search(
            rf"self\.{item.name}\b", part.text
        ):
            continue
        start = item.decorator_list[0].lineno - first
        end = (item.end_lineno or item.lineno) - first
        if start and not (lines[start - 1] or "").strip():
            start -= 1
        lines[start : end + 1] = [None] * (end + 1 - start)
    return "\n".join(line for line in lines if line is not None)


def _row(source: SourceFile) -> int:
    """The row behind the imports at the top of the file."""
    row = 1
    for statement in source.tree.body:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            break
        if isinstance(statement, (ast.Import, ast.ImportFrom)) or (
            row == 1 and isinstance(statement, ast.Expr)
        ):
            row = (statement.end_lineno or statement.lineno) + 1
    return row
