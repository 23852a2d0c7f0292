"""From findings to edits: the flagged text goes through its hook, all other text stays.

Only this module and the hooks import libcst, and only what is rewritten is parsed with it.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import libcst

from jaxport import hooks
from jaxport.findings import ESCAPE, Edit, Finding, Position, Rewrite, Span
from jaxport.hooks import HookContext
from jaxport.imports import import_edits, removal_edits
from jaxport.rules import Dialect
from jaxport.source import SourceFile

_HOOKS: dict[str, Callable[[libcst.Call, HookContext], object]] = {
    name: getattr(hooks, name) for name in hooks.__all__ if name[0].islower()
}


def applicable(findings: Iterable[Finding], unsafe: bool) -> list[Finding]:
    """The findings whose rewrite may be written: groups are whole or left out."""
    chosen = [
        finding
        for finding in findings
        if finding.rewrite and (unsafe or finding.rewrite.applicability == "safe")
    ]
    groups = Counter(finding.rewrite.group for finding in chosen if finding.rewrite)
    return [
        finding
        for finding in chosen
        if finding.rewrite
        and finding.rewrite.group_size == (groups[finding.rewrite.group] if finding.rewrite.group
                                           else 1)
    ]


def edits(source: SourceFile, findings: Sequence[Finding], dialect: Dialect) -> list[Edit]:
    """The edits that carry out the rewrites of `findings`, imports included, in order."""
    findings = list(findings)
    while True:
        try:
            made = list(_Rewriter(source, findings, dialect).edits())
            break
        except _Unchanged as refused:
            findings = [item for item in findings if not _together(item, refused.finding)]
    needed = {pair for finding in findings if finding.rewrite for pair in finding.rewrite.names}
    return sorted([*import_edits(source, needed), *made], key=lambda edit: edit.span)


class _Unchanged(Exception):
    """A hook would not write what its rule asked for; its whole group stays as it is."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


def _together(one: Finding, other: Finding) -> bool:
    group = other.rewrite.group if other.rewrite else ""
    return one is other or bool(group and one.rewrite and one.rewrite.group == group)


def apply(source: SourceFile, findings: Sequence[Finding], dialect: Dialect) -> SourceFile:
    """The file with the rewrites of `findings` done and the imports they orphan removed.

    Raises:
        SourceError: the result does not parse.
    """
    after = source.with_text(replace(source.lines, edits(source, findings, dialect)))
    removals = removal_edits(source, after)
    return after.with_text(replace(after.lines, removals)) if removals else after


def replace(lines: list[str], changes: Iterable[Edit]) -> str:
    """The lines as one text, with each edit in place of what it replaces."""
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = "".join(lines)
    parts: list[str] = []
    done = 0
    for edit in changes:
        start, end = (
            starts[min(at.row - 1, len(lines))] + at.column for at in (edit.span.start,
                                                                      edit.span.end)
        )
        if start < done:
            continue
        parts += [text[done:start], edit.content]
        done = end
    return "".join([*parts, text[done:]])


class _Rewriter:
    def __init__(self, source: SourceFile, findings: Sequence[Finding], dialect: Dialect) -> None:
        self.source = source
        self.dialect = dialect
        self.findings = sorted(
            findings, key=lambda item: (item.span.start, _reversed(item.span.end))
        )

    def edits(self) -> Iterator[Edit]:
        index = 0
        while index < len(self.findings):
            finding = self.findings[index]
            index += 1
            inner = []
            while index < len(self.findings) and finding.span.contains(self.findings[index].span):
                inner.append(self.findings[index])
                index += 1
            rewrite = finding.rewrite
            assert rewrite is not None
            if rewrite.hook in ("transform_optimizer_step", "strip_zero_grad"):
                yield from self._statement(finding, rewrite)
            else:
                text = self._expression(finding, rewrite, inner)
                yield from self._saved_comments(finding.span, text)
                yield Edit(finding.span, text)

    def _call(self, text: str) -> libcst.Call:
        # In parentheses of its own, so that its lines may break wherever they did.
        node = libcst.parse_expression(f"({text})".replace("\r\n", "\n").replace("\r", "\n"))
        assert isinstance(node, libcst.Call)
        return node.with_changes(lpar=node.lpar[1:], rpar=node.rpar[:-1])

    def _context(self, rewrite: Rewrite) -> HookContext:
        return HookContext(
            self.dialect, dict(rewrite.names), rewrite.callee, rewrite.bound, rewrite.escape
        )

    def _expression(self, finding: Finding, rewrite: Rewrite, inner: list[Finding]) -> str:
        changes = list(_Rewriter(self.source, inner, self.dialect).edits())
        text = self._text(finding.span, changes)
        call = self._call(text)
        node = _HOOKS[rewrite.hook](call, self._context(rewrite))
        if node is call or not isinstance(node, libcst.CSTNode):
            raise _Unchanged(finding)
        code = libcst.Module([]).code_for_node(node)
        return code.replace("\n", self.source.newline(finding.span.start.row))

    def _text(self, span: Span, changes: list[Edit]) -> str:
        """The text in `span`, with `changes` done inside of it."""
        lines = self.source.lines[: span.end.row]
        lines = [*lines[:-1], lines[-1][: span.end.column]]
        before = "".join(lines[: span.start.row - 1]) + lines[span.start.row - 1][
            : span.start.column
        ]
        return replace(lines, changes)[len(before) :]

    def _saved_comments(self, span: Span, written: str) -> Iterator[Edit]:
        """The comments inside of the old text that the new one has not, above the statement."""
        if span.start.row == span.end.row:
            return
        old = self._text(span, [])
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(f"({old})").readline))
        except (tokenize.TokenError, SyntaxError):
            return
        start = max(at for at in self._blocks if at <= span.start)
        line = self.source.lines[start.row - 1]
        indent = line[: len(line) - len(line.lstrip())]
        lost = [
            f"{indent}{token.string}{self.source.newline(start.row)}"
            for token in tokens
            if token.type == tokenize.COMMENT and token.string not in written
        ]
        if lost:
            at = Position(start.row, 0)
            yield Edit(Span(at, at), "".join(lost))

    # Statements

    @cached_property
    def _blocks(self) -> dict[Position, list[ast.stmt]]:
        """Where each statement starts, and the block that it is in."""
        found: dict[Position, list[ast.stmt]] = {}
        for node in ast.walk(self.source.tree):
            for _, value in ast.iter_fields(node):
                if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                    for statement in value:
                        found[self.source.span(statement).start] = value
        return found

    def _statement(self, finding: Finding, rewrite: Rewrite) -> Iterator[Edit]:
        # The statement, not the call: parentheses around the call belong to it.
        first = max(at for at in self._blocks if at <= finding.span.start)
        span = next(
            self.source.span(item)
            for item in self._blocks[first]
            if self.source.span(item).start == first
        )
        start, end = span.start, span.end
        line, last = self.source.lines[start.row - 1], self.source.lines[end.row - 1]
        indent = line[: len(line) - len(line.lstrip())]
        newline = self.source.newline(start.row)
        if rewrite.escape:
            at = Position(start.row, 0)
            yield Edit(Span(at, at), f"{indent}{ESCAPE} {rewrite.escape}{newline}")
            return
        above = self.source.lines[start.row - 2] if start.row > 1 else ""
        if ESCAPE in above:
            yield Edit(Span(Position(start.row - 1, 0), Position(start.row, 0)), "")
        rest = last[end.column :].strip()
        alone = not line[: start.column].strip() and (not rest or rest.startswith("#"))
        call = self._call(self._text(finding.span, []))
        node = _HOOKS[rewrite.hook](call, self._context(rewrite))
        if node is call:
            raise _Unchanged(finding)
        if isinstance(node, libcst.FlattenSentinel):
            codes = [libcst.Module([]).code_for_node(item).strip() for item in node]
            yield Edit(span, (newline + indent if alone else "; ").join(codes))
        elif self._is_last(start):
            yield Edit(span, "pass")
        elif alone:
            yield Edit(Span(Position(start.row, 0), Position(end.row, len(last))), "")
        elif rest.startswith(";"):
            gap = len(last[end.column :]) - len(last[end.column :].lstrip(" \t;"))
            yield Edit(Span(start, Position(end.row, end.column + gap)), "")
        else:
            before = line[: start.column].rstrip(" \t;")
            yield Edit(Span(Position(start.row, len(before)), end), "")

    def _is_last(self, start: Position) -> bool:
        """Whether the statement at `start` has to leave a `pass`, for its block to stand."""
        block = self._blocks[start]
        removed = [
            item.span
            for item in self.findings
            if item.rewrite and item.rewrite.hook == "strip_zero_grad"
        ]
        spans = [self.source.span(statement) for statement in block]
        left = [span for span in spans if not any(span.contains(gone) for gone in removed)]
        return not left and start == spans[0].start


def _reversed(position: Position) -> tuple[int, int]:
    return (-position.row, -position.column)
