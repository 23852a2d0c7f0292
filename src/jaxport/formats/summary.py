"""The summary of a job on GitHub: what an action's annotations have no room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from jaxport.formats.concise import place
from jaxport.formats.markdown import escaped, fenced, folded, message, table
from jaxport.results import FileResult
from jaxport.rules import Rule, all_rules

# GitHub takes 1 MiB of a step, and nothing of what is longer.
_ROOM = 1_000_000
_PATCH_ROOM = 200_000
_MOST_FILES = 500


def render(results: Sequence[FileResult], scope: str = "", patch: str = "") -> str:
    """Tables by rule, by file and of every finding, then the rules with before and after.

    `scope` says which findings are reported, where these are not all; `patch` is what was
    rewritten. Findings for which there is no room are counted.
    """
    head = "".join(_head(results, scope))
    tail = "".join([*_patch(patch), *_rules(results)])
    return head + _all(results, _ROOM - len((head + tail).encode())) + tail


def _head(results: Sequence[FileResult], scope: str) -> Iterator[str]:
    found = sum(len(result.findings) for result in results)
    fixable = sum(result.fixable for result in results)
    fixed = sum(result.fixed for result in results)
    yield "## jaxport\n\n"
    yield f"{_many(found, 'finding')} in {_many(len(results), 'file')}{escaped(scope)}."
    yield f" {fixable} can be fixed with `jaxport check --fix`." if fixable else ""
    yield f" {fixed} fixed." if fixed else ""
    yield "\n\n"
    if not found:
        return
    rules: Counter[str] = Counter()
    fixes: Counter[str] = Counter()
    for result in results:
        rules.update(finding.code for finding in result.findings)
        fixes.update(finding.code for finding in result.findings if finding.is_fixable)
    yield table(("rule", "", "findings", "fixable"), 2, (
        (code, escaped(_known()[code].name), str(count), str(fixes[code]))
        for code, count in sorted(rules.items(), key=lambda item: (-item[1], item[0]))
    )) + "\n"  # fmt: skip
    files = sorted((item for item in results if item.findings),
                   key=lambda item: -len(item.findings))
    yield table(("file", "rules", "findings", "fixable"), 2, (
        (escaped(str(result.path)),
         ", ".join(sorted({finding.code for finding in result.findings})),
         str(len(result.findings)), str(result.fixable))
        for result in files[:_MOST_FILES]
    )) + "\n"  # fmt: skip
    if len(files) > _MOST_FILES:
        yield f"And {_many(len(files) - _MOST_FILES, 'file')} more.\n\n"


def _all(results: Sequence[FileResult], room: int) -> str:
    rows: list[tuple[str, str, str]] = []
    left = 0
    for result in results:
        for finding in result.findings:
            at = escaped(f"{result.path}:{place(finding)}")
            row = (at, finding.code, message(finding.message))
            room -= sum(len(cell.encode()) + 3 for cell in row) + 2
            if room > 1000:
                rows.append(row)
            else:
                left += 1
    if not rows:
        return ""
    more = f"\nAnd {left} more.\n" if left else ""
    return folded("Every finding", table(("place", "rule", "finding"), 3, rows) + more) + "\n"


def _patch(patch: str) -> Iterator[str]:
    if not patch:
        return
    shown = patch
    if len(patch.encode()) > _PATCH_ROOM:
        lines = patch.encode()[:_PATCH_ROOM].decode(errors="ignore").splitlines(keepends=True)
        shown = "".join(lines[:-1])
    cut = "" if shown == patch else "\nThe rest is in the patch file.\n"
    yield folded("What was rewritten", fenced(shown, "diff") + cut) + "\n"


def _rules(results: Sequence[FileResult]) -> Iterator[str]:
    codes = {finding.code for result in results for finding in result.findings}
    for code in sorted(codes):
        rule = _known()[code]
        example = next((item for item in rule.examples if item.nnx or item.port), None)
        body = f"{rule.summary} {rule.why}\n\n"
        if example is not None:
            after = example.nnx or example.port or ""
            body += f"{fenced(example.before, 'python')}\nbecomes\n\n{fenced(after, 'python')}\n"
        yield folded(f"{code} {rule.name}", body) + "\n"


def _known() -> dict[str, Rule]:
    return {rule.code: rule for rule in all_rules()}


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
