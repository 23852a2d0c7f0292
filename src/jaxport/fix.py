"""From findings to edits: the flagged text goes through its hook, all other text stays.

Only this module and the hooks import libcst, and only what is rewritten is parsed with it.
"""

from __future__ import annotations

import ast
import re
import textwrap
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import libcst

from jaxport import hooks, records
from jaxport.findings import ESCAPE, Edit, Finding, Position, Rewrite, Span
from jaxport.hooks import HookContext
from jaxport.hooks.context import code, laid_out
from jaxport.hooks.training_step import added, convert_backward, opt_state
from jaxport.imports import import_edits, is_standard, line_edits, removal_edits
from jaxport.insertions import missing_parts, part_edits
from jaxport.plans import Clip, FormCall, LossFunction, Reset, Role, Text, Training
from jaxport.source import SourceFile, split_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.rules import Dialect

_HOOKS: dict[str, Callable[[libcst.Call, HookContext], object]] = {
    name: getattr(hooks, name) for name in hooks.__all__ if name[0].islower()
}
_CONTINUED = re.compile(r"\\(?:\r\n|\r|\n)")
_STATEMENTS = frozenset(
    {"transform_optimizer_step", "strip_zero_grad", "strip_scheduler", "convert_clip"}
)


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


def edits(
    source: SourceFile, findings: Sequence[Finding], dialect: Dialect, mentions: str = ""
) -> list[Edit]:
    """The edits that carry out the rewrites of `findings`, imports included, in order."""
    findings = list(findings)
    while True:
        try:
            made = list(_Rewriter(source, findings, dialect).edits())
            break
        except _Unchanged as refused:
            findings = [item for item in findings if not _together(item, refused.finding)]
    needed = {pair for finding in findings if finding.rewrite for pair in finding.rewrite.names}
    missing, names = missing_parts(source, findings)
    standard = {pair for pair in needed if is_standard(pair[0])}
    lines = {line for part in missing for line in part.imports}
    lines |= {f"import {module}" for module, spelled in standard if module == spelled}
    user = min((finding.span.start.row for finding in findings), default=0)
    added = [
        *line_edits(source, lines), *import_edits(source, needed - standard, user),
        *part_edits(source, missing, names, mentions + source.text),
    ]
    return sorted([*added, *made], key=lambda edit: edit.span)


class _Unchanged(Exception):
    """A hook would not write what its rule asked for; its whole group stays as it is."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


def _together(one: Finding, other: Finding) -> bool:
    group = other.rewrite.group if other.rewrite else ""
    return one is other or bool(group and one.rewrite and one.rewrite.group == group)


def apply(
    source: SourceFile, findings: Sequence[Finding], dialect: Dialect, mentions: str = ""
) -> SourceFile:
    """The file with the rewrites of `findings` done and the imports they orphan removed.

    `mentions` is text that may read properties of the parts that are copied in.

    Raises:
        SourceError: the result does not parse.
    """
    after = source.with_text(replace(source.lines, edits(source, findings, dialect, mentions)))
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
        self.findings = sorted(_single_edits(findings), key=_order)

    def edits(self) -> Iterator[Edit]:
        index = 0
        while index < len(self.findings):
            finding = self.findings[index]
            span = _edited(finding)
            index += 1
            inner = []
            while index < len(self.findings) and _holds(span, self.findings[index]):
                inner.append(self.findings[index])
                index += 1
            rewrite = finding.rewrite
            assert rewrite is not None
            if isinstance(rewrite.plan, Text):
                edit = rewrite.plan.edits[0]
                yield from self._saved_comments(edit.span, edit.content)
                yield edit
            elif isinstance(rewrite.plan, LossFunction):
                yield from self._loss(finding, rewrite, rewrite.plan, inner)
            elif rewrite.hook in _STATEMENTS:
                yield from self._statement(finding, rewrite)
            else:
                text = self._expression(finding, rewrite, inner)
                yield from self._saved_comments(finding.span, text)
                yield Edit(finding.span, text)
                yield from self._state(finding, rewrite)

    def _call(self, text: str) -> libcst.Call:
        # In parentheses of its own, so that its lines may break wherever they did.
        node = libcst.parse_expression(f"({text})".replace("\r\n", "\n").replace("\r", "\n"))
        assert isinstance(node, libcst.Call)
        return node.with_changes(lpar=node.lpar[1:], rpar=node.rpar[:-1])

    def _context(self, rewrite: Rewrite) -> HookContext:
        return HookContext(
            self.dialect, dict(rewrite.names), rewrite.callee, rewrite.bound, rewrite.escape,
            rewrite.plan, self._unit,
        )  # fmt: skip

    def _expression(self, finding: Finding, rewrite: Rewrite, inner: list[Finding]) -> str:
        # A comment that an inner rewrite saves above the statement is saved by the outer one.
        changes = [edit for edit in _Rewriter(self.source, inner, self.dialect).edits()
                   if finding.span.contains(edit.span)]
        text = self._text(finding.span, changes)
        call = self._call(text)
        node = _HOOKS[rewrite.hook](call, self._context(rewrite))
        if node is call or not isinstance(node, libcst.CSTNode):
            raise _Unchanged(finding)
        text = code(node)
        if isinstance(rewrite.plan, Training) and isinstance(node, libcst.BaseExpression):
            start = finding.span.start
            text = laid_out(node, start.column, self._indent(start.row), self._unit)
        elif isinstance(rewrite.plan, FormCall):
            text = rewrite.plan.prefix + text
        return text.replace("\n", self.source.newline(finding.span.start.row))

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
        if span.start.row == span.end.row or (not written and not span.start.column):
            return  # no comment, or whole lines, that go with their comments
        first = max(span.start, Position(span.start.row, len(self._indent(span.start.row))))
        start = max(at for at in self._blocks if at <= first)
        if self._goes_on(start.row):
            return
        lost = [
            f"{self._indent(start.row)}{token.string}{self.source.newline(start.row)}"
            for token in self.source.tokens
            if token.type == tokenize.COMMENT and span.start <= Position(*token.start) < span.end
            and token.string not in written
        ]
        if lost:
            at = Position(start.row, 0)
            yield Edit(Span(at, at), "".join(lost))

    def _goes_on(self, row: int) -> bool:
        """Whether the line above goes on here, so that no comment can stand between."""
        return row > 1 and self.source.lines[row - 2].rstrip("\r\n").endswith("\\")

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
        span = self._around(finding)
        row = span.start.row
        if rewrite.escape:
            if self._goes_on(row):
                raise _Unchanged(finding)
            at = Position(row, 0)
            line = f"{self._indent(row)}{ESCAPE} {rewrite.escape}{self.source.newline(row)}"
            yield Edit(Span(at, at), line)
            return
        above = self.source.lines[row - 2] if row > 1 else ""
        if ESCAPE in above:
            yield Edit(Span(Position(row - 1, 0), Position(row, 0)), "")
        call = self._call(self._text(finding.span, []))
        node = _HOOKS[rewrite.hook](call, self._context(rewrite))
        if node is call:
            raise _Unchanged(finding)
        if isinstance(node, libcst.Pass):
            yield self._removal(span)
            return
        nodes = node if isinstance(node, (list, libcst.FlattenSentinel)) else [node]
        lines = [code(item).strip() for item in nodes if isinstance(item, libcst.CSTNode)]
        yield self._replaced(span, lines)

    def _around(self, finding: Finding) -> Span:
        """The statement that the finding is in."""
        first = max(at for at in self._blocks if at <= finding.span.start)
        return next(
            self.source.span(item)
            for item in self._blocks[first]
            if self.source.span(item).start == first
        )

    def _indent(self, row: int) -> str:
        line = self.source.lines[row - 1]
        return line[: len(line) - len(line.lstrip())]

    def _rest(self, span: Span) -> str:
        """What follows the statement on its last line, but for a semicolon."""
        rest = self.source.lines[span.end.row - 1][span.end.column :].strip()
        return rest.removeprefix(";").lstrip()

    def _line(self, start: Position) -> list[Span]:
        """The statements that semicolons join with the one at `start`, itself among them."""
        line: list[Span] = []
        for span in map(self.source.span, self._blocks[start]):
            if line and not self._joined(line[-1], span):
                if line[-1].start >= start:
                    break
                line = []
            line.append(span)
        return line

    def _joined(self, one: Span, other: Span) -> bool:
        between = self._text(Span(one.end, other.start), [])
        return len(split_lines(_CONTINUED.sub("", between) + ";")) == 1

    def _alone(self, span: Span) -> bool:
        before = self.source.lines[span.start.row - 1][: span.start.column]
        rest = self._rest(span)
        is_line = not before.strip() and (not rest or rest.startswith("#"))
        return (
            is_line and not self._goes_on(span.start.row) and len(self._line(span.start)) == 1
        )

    def _replaced(self, span: Span, lines: list[str]) -> Edit:
        if not lines:
            return self._removal(span)
        row = span.start.row
        between = self.source.newline(row) + self._indent(row) if self._alone(span) else "; "
        return Edit(span, between.join(lines))

    def _removal(self, span: Span) -> Edit:
        """The statement goes, and with it what separates it from others on its line."""
        start, end = span.start, span.end
        nothing = Edit(Span(start, start), "")
        if self._is_last(start):
            return Edit(span, "pass")
        if self._alone(span):
            row = end.row
            above = self.source.lines[start.row - 2].strip() if start.row > 1 else ""
            if not above and row < len(self.source.lines) and not self.source.lines[row].strip():
                row += 1  # one of the two blank lines around it goes too
            last = self.source.lines[row - 1]
            return Edit(Span(Position(start.row, 0), Position(row, len(last))), "")
        line = self._line(start)
        stays = [item for item in line if not self._goes(item) or self._is_last(item.start)]
        before = [item for item in stays if item.start < start]
        after = [item for item in stays if item.start > start]
        run = [item for item in line if (not before or item.start > before[-1].start)
               and (not after or item.start < after[0].start)]
        if run[0].start != start:
            return nothing  # the first of them takes the others with it
        if after:
            return Edit(Span(start, after[0].start), "")
        if before:
            return Edit(Span(before[-1].end, run[-1].end), "")
        if self._goes_on(start.row):
            return Edit(Span(start, run[-1].end), "pass")
        text = self.source.lines[run[-1].end.row - 1]
        return Edit(Span(Position(start.row, 0), Position(run[-1].end.row, len(text))), "")

    def _goes(self, span: Span) -> bool:
        return any(
            span.contains(gone) for item in self.findings for gone in self._removed(item)
        )

    def _is_last(self, start: Position) -> bool:
        """Whether the statement at `start` has to leave a `pass`, for its block to stand."""
        block = self._blocks[start]
        spans = [self.source.span(statement) for statement in block]
        return start == spans[0].start and all(self._goes(span) for span in spans)

    @staticmethod
    def _removed(finding: Finding) -> list[Span]:
        """The statements that go, told by a part of them."""
        rewrite = finding.rewrite
        match rewrite:
            case Rewrite(plan=Reset()):
                return []
            case Rewrite(hook="strip_zero_grad" | "strip_scheduler"):
                return [finding.span]
            case Rewrite(plan=Clip(chained=True, target="")):
                return [finding.span]
            case Rewrite(plan=Training(unused=Span() as span)):
                return [span]
            case Rewrite(plan=LossFunction(backward=Span() as span, total="")):
                return [span]
        return []

    # The training step

    @cached_property
    def _unit(self) -> str:
        """One level of indentation, as the file has it."""
        for node in ast.walk(self.source.tree):
            body = getattr(node, "body", None)
            if isinstance(node, ast.stmt) and isinstance(body, list) and body:
                outer, inner = self._indent(node.lineno), self._indent(body[0].lineno)
                unit = inner[len(outer) :]
                if inner.startswith(outer) and set(unit) in ({" "}, {"\t"}) and (
                    body[0].lineno > node.lineno
                ):
                    return unit
        return "    "

    def _loss(
        self, finding: Finding, rewrite: Rewrite, plan: LossFunction, inner: list[Finding]
    ) -> Iterator[Edit]:
        start, end = plan.region.start, plan.region.end
        within = [item for item in inner if not _together(item, finding)]
        for item in within:
            if item.rewrite and (item.rewrite.hook in _STATEMENTS or item.rewrite.group):
                raise _Unchanged(item)
        changes = list(_Rewriter(self.source, within, self.dialect).edits())
        span = Span(Position(start.row, 0), Position(end.row, len(self.source.lines[end.row - 1])))
        text = self._text(span, changes).replace("\r\n", "\n")
        indent = self._indent(start.row)
        plan = records.replace(plan, roles=tuple(self._roles(plan, changes)))
        context = self._context(records.replace(rewrite, plan=plan))
        module = libcst.parse_module(f"if True:\n{text}" if indent else text)
        outer = module.body[0]
        if indent and isinstance(outer, libcst.If):
            made = convert_backward(outer.body.body, context)
            body = outer.body.with_changes(body=made)
            written = module.with_changes(body=[outer.with_changes(body=body)]).code
            written = written.split("\n", 1)[1]
        else:
            written = module.with_changes(body=convert_backward(module.body, context)).code
        above = self._above(start.row)
        if above and not above.endswith(":") and not above.startswith("#"):
            written = "\n" + written
        yield Edit(span, written.replace("\n", self.source.newline(start.row)))
        if plan.backward is not None:
            yield self._replaced(plan.backward, [added(plan, context)] if plan.total else [])

    def _roles(self, plan: LossFunction, changes: list[Edit]) -> Iterator[Role]:
        """The role of each statement of the region once the changes are made.

        A `with` that goes away leaves the statements of its block, with its role.
        """
        first = max(at for at in self._blocks if at <= plan.region.start)
        statements = [
            item for item in self._blocks[first]
            if plan.region.start <= self.source.span(item).start < plan.region.end
        ]
        for statement, role in zip(statements, plan.roles, strict=True):
            yield from [role] * self._count(statement, changes)

    def _count(self, statement: ast.stmt, changes: list[Edit]) -> int:
        """How many statements it becomes."""
        if not isinstance(statement, ast.With):
            return 1
        span = self.source.span(statement)
        start = Position(span.start.row, 0)
        inside = [edit for edit in changes if start <= edit.span.start
                  and edit.span.end <= span.end]
        text = self._text(Span(start, span.end), inside)
        return len(ast.parse(textwrap.dedent(text)).body)

    def _above(self, row: int) -> str:
        """The line above `row` that stays, without the space around it."""
        removed = {gone.start.row for item in self.findings for gone in self._removed(item)}
        row -= 1
        while row in removed:
            row -= 1
        return self.source.lines[row - 1].strip() if row else ""

    def _state(self, finding: Finding, rewrite: Rewrite) -> Iterator[Edit]:
        """What stands around a constructor: the schedule above it, the state below it."""
        plan = rewrite.plan
        if not isinstance(plan, Training):
            return
        span = self._around(finding)
        indent, newline = self._indent(span.start.row), self.source.newline(span.start.row)
        context = self._context(rewrite)
        if plan.above:
            at = Position(span.start.row, 0)
            lines = [f"{indent}{context.source(line)}{newline}" for line in plan.above]
            yield Edit(Span(at, at), "".join(lines))
        if plan.unused is not None:
            yield self._removal(plan.unused)
        if plan.functional:
            statement = ast.parse(self._text(span, []).strip()).body[0]
            assert isinstance(statement, ast.Assign)
            target = ast.unparse(statement.targets[0])
            at = Position(span.end.row, len(self.source.lines[span.end.row - 1]))
            line = f"{indent}{opt_state(target, plan, context)}"
            ended = self.source.lines[span.end.row - 1].endswith(("\n", "\r"))
            yield Edit(Span(at, at), f"{line}{newline}" if ended else f"{newline}{line}")


def _edited(finding: Finding) -> Span:
    """The text that the rewrite of the finding replaces."""
    plan = finding.rewrite.plan if finding.rewrite else None
    if isinstance(plan, Text):
        return plan.edits[0].span
    return plan.region if isinstance(plan, LossFunction) else finding.span


def _single_edits(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, those that are rewritten by position once for each of their edits."""
    for finding in findings:
        plan = finding.rewrite.plan if finding.rewrite else None
        if not isinstance(plan, Text) or finding.rewrite is None:
            yield finding
            continue
        for edit in plan.edits:
            rewrite = records.replace(finding.rewrite, plan=Text((edit,)))
            yield records.replace(finding, rewrite=rewrite)


def _order(finding: Finding) -> tuple[object, ...]:
    """Where its edit begins, outer ones first; what is put between two nodes comes before both.

    Of two insertions in one place, the one behind the smaller node comes first, and in front of
    the larger one.
    """
    span, whole = _edited(finding), finding.span
    if span.start < span.end:
        return (span.start, 1, _reversed(span.end), 1)
    if span.start == whole.start:
        return (span.start, 1, _reversed(whole.end), 0)
    return (span.start, 0, (whole.end.row - whole.start.row, whole.end.column - whole.start.column))


def _holds(outer: Span, finding: Finding) -> bool:
    """Whether the edit of `finding` is a part of `outer`; one at the edge of its node is not."""
    inner, whole = _edited(finding), finding.span
    if inner.start == inner.end == outer.start:
        return whole.start == outer.start and whole.end < outer.end
    if inner.start == inner.end:
        return outer.start < inner.start < outer.end
    return outer.contains(inner)


def _reversed(position: Position) -> tuple[int, int]:
    return (-position.row, -position.column)
