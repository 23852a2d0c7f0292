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
class Shown:
    """A finding with the lines it stands in, without their line ends."""

    code: str
    message: str
    span: Span
    is_fixable: bool
    lines: tuple[str, ...] = ()
    fix: Fix | None = None


@dataclass
class FileResult:
    """What one file came to.

    `notes` are for the standard error; `failed` says that the file could not be written, and
    `config_error` that the run can't go on.
    """

    path: Path
    findings: list[Shown] = field(default_factory=list)
    fixed: int = 0
    notes: list[str] = field(default_factory=list)
    diff: str = ""
    changed: bool = False
    failed: bool = False
    config_error: str = ""

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
        Shown(item.code, item.message, _place(result, item.span), item.is_fixable,
              _lines(result, item.span))
        for item in result.findings
    ]


def _place(result: Checked, span: Span) -> Span:
    return result.source.place(span) if result.source else span


def _lines(result: Checked, span: Span) -> tuple[str, ...]:
    lines = result.source.excerpt(span) if result.source else []
    return tuple(line.rstrip("\r\n") for line in lines)


def _fix(result: Checked, finding: Finding) -> Fix | None:
    if finding.rewrite is None or result.source is None:
        return None
    from jaxport.fix import edits

    try:
        changes = edits(result.source, [finding], result.dialect)
    except RecursionError:
        return None  # too deep for the parser that rewrites
    placed = tuple(replace(change, span=_place(result, change.span)) for change in changes)
    return Fix(finding.rewrite.applicability, finding.rewrite.message, placed)
