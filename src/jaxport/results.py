"""What checking a file came to, ready to be shown: plain values that travel between processes."""

from __future__ import annotations

from pathlib import Path

from jaxport.records import field, record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.check import Checked
    from jaxport.findings import Applicability, Edit, Finding, Rewrite, Span
    from jaxport.rules import Dialect
    from jaxport.source import SourceFile


@record(frozen=True)
class Fix:
    """A rewrite as text: what `--fix`, or an editor, puts where.

    Findings that are rewritten together or not at all have one fix, with the edits of all of
    them. `diff` is the same as the lines of a unified diff, without its head and line ends.
    """

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...]
    diff: tuple[str, ...] = ()


@record(frozen=True)
class Place:
    """Where a finding stands, beside its row.

    `last_row` is its last row in the file, for a block that of its head; `scope` names the
    functions and classes around it; `text` is the code of the flagged lines, and `statement` a
    digest of the whole statement where that is more.
    """

    last_row: int
    scope: str = ""
    text: str = ""
    statement: str = ""


@record(frozen=True)
class Shown:
    """A finding with the lines it stands in, without their line ends.

    `file_span` is where other tools find it: in a notebook `span` is in a cell, and this in the
    JSON around it, by whole lines.
    """

    code: str
    message: str
    span: Span
    file_span: Span
    is_fixable: bool
    lines: tuple[str, ...] = ()
    fix: Fix | None = None
    place: Place | None = None


@record
class FileResult:
    """What one file came to.

    `notes` are for the standard error; `failed` says that the file could not be written, and
    `config_error` that the run can't go on. Where findings have places, `codes` are the rules
    that were looked for.
    """

    path: Path
    findings: list[Shown] = field(default_factory=list)
    fixed: int = 0
    notes: list[str] = field(default_factory=list)
    diff: str = ""
    changed: bool = False
    failed: bool = False
    config_error: str = ""
    codes: frozenset[str] = frozenset()

    @property
    def fixable(self) -> int:
        """How many findings `--fix` makes go away."""
        return sum(finding.is_fixable for finding in self.findings)

    def with_fixes(self, result: Checked) -> FileResult:
        """The same with the text of each rewrite, which takes libcst."""
        fixes = _fixes(result)
        pairs = zip(self.findings, result.findings, strict=True)
        found = [replace(one, fix=fixes.get(id(item))) for one, item in pairs]
        return replace(self, findings=found)


def shown(result: Checked) -> list[Shown]:
    """The findings of a checked file."""
    return [_shown(item, result.source) for item in result.findings]


def _shown(item: Finding, source: SourceFile | None) -> Shown:
    span, file_span, lines = item.span, item.span, []
    if source is not None:
        span, file_span = source.place(item.span), source.in_file(item.span)
        lines = source.excerpt(item.span)
    texts = tuple(line.rstrip("\r\n") for line in lines)
    return Shown(item.code, item.message, span, file_span, item.is_fixable, texts)


def _fixes(result: Checked) -> dict[int, Fix]:
    """The fixes by the identity of their findings."""
    fixes: dict[int, Fix] = {}
    if result.source is None or not any(item.rewrite for item in result.findings):
        return fixes
    from jaxport.fix import applicable

    groups: dict[str, list[tuple[Finding, Rewrite]]] = {}
    for item in applicable(result.findings, unsafe=True):
        if item.rewrite:
            name = item.rewrite.group or str(id(item))
            groups.setdefault(name, []).append((item, item.rewrite))
    for group in groups.values():
        edits, diff = _changes(result.source, [item for item, _ in group], result.dialect)
        safe = all(rewrite.applicability == "safe" for _, rewrite in group)
        for item, rewrite in group if edits else ():
            fixes[id(item)] = Fix("safe" if safe else "unsafe", rewrite.message, edits, diff)
    return fixes


def _changes(
    source: SourceFile, findings: list[Finding], dialect: Dialect
) -> tuple[tuple[Edit, ...], tuple[str, ...]]:
    from jaxport import fix

    try:
        changes = tuple(fix.edits(source, findings, dialect))
    except RecursionError:
        return (), ()  # too deep for the parser that rewrites
    text = fix.replace(source.lines, changes)
    placed = tuple(replace(change, span=source.place(change.span)) for change in changes)
    return placed, _diff(source, text)


def _diff(source: SourceFile, text: str) -> tuple[str, ...]:
    import difflib
    from itertools import islice

    from jaxport.source import split_lines

    lines: list[str] = []
    for (_, old), (_, new) in zip(source.sections(source.text), source.sections(text), strict=True):
        diff = difflib.unified_diff(split_lines(old), split_lines(new), n=1)
        lines += [line.rstrip("\r\n") for line in islice(diff, 2, None)]
    return tuple(lines)
