"""What checking a file came to, ready to be shown: plain values that travel between processes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from jaxport.check import Checked
from jaxport.findings import Applicability, Edit, Finding, Span


@dataclass(frozen=True)
class Fix:
    """A rewrite as text: what `--fix`, or an editor, puts where."""

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Place:
    """Where a finding stands, beside its row.

    `last_row` is its last row, for a block that of its head; `scope` names the functions and
    classes around it; `text` is the code of the flagged lines, and `statement` a digest of the
    whole statement where that is more.
    """

    last_row: int
    scope: str = ""
    text: str = ""
    statement: str = ""


@dataclass(frozen=True)
class Shown:
    """A finding with the lines it stands in, without their line ends."""

    code: str
    message: str
    span: Span
    is_fixable: bool
    lines: tuple[str, ...] = ()
    fix: Fix | None = None
    place: Place | None = None


@dataclass
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
        pairs = zip(self.findings, result.findings, strict=True)
        return replace(self, findings=[replace(one, fix=_fix(result, item)) for one, item in pairs])


def shown(result: Checked) -> list[Shown]:
    """The findings of a checked file."""
    return [
        Shown(item.code, item.message, item.span, item.is_fixable, _lines(result, item.span))
        for item in result.findings
    ]


def _lines(result: Checked, span: Span) -> tuple[str, ...]:
    lines = result.source.lines if result.source else []
    return tuple(line.rstrip("\r\n") for line in lines[span.start.row - 1 : span.end.row])


def _fix(result: Checked, finding: Finding) -> Fix | None:
    if finding.rewrite is None or result.source is None:
        return None
    from jaxport.fix import edits

    try:
        changes = edits(result.source, [finding], result.dialect)
    except RecursionError:
        return None  # too deep for the parser that rewrites
    return Fix(finding.rewrite.applicability, finding.rewrite.message, tuple(changes))
