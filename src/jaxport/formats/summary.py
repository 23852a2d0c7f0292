"""The summary of a job on GitHub: what an action's annotations have no room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from jaxport.formats.concise import place
from jaxport.formats.markdown import code, fenced, folded, message, table
from jaxport.formats.terminal import many
from jaxport.results import FileResult
from jaxport.rules import Rule, all_rules

# GitHub takes 1 MiB of a step, and nothing of what is longer.
_ROOM = 1_000_000
_PATCH_ROOM = 200_000
_FILES_ROOM = 200_000


def render(
    results: Sequence[FileResult],
    *,
    changed_only: bool = False,
    failed: bool = False,
    patch: bytes = b"",
) -> str:
    """Tables by rule, by file and of every finding, then the rules with before and after.

    `changed_only` says that other lines may have more findings, `failed` that there were errors;
    `patch` is what was rewritten. Rows for which there is no room are counted.
    """
    rules = {rule.code: rule for rule in all_rules()}
    head = "## jaxport\n\n" + ("Not all went well: see the step's log.\n\n" if failed else "")
    head += "".join(_head(results, rules, changed_only))
    tail = "".join([*_patch(patch), *_rules(results, rules)])
    return head + _all(results, _ROOM - len((head + tail).encode())) + tail


def _head(
    results: Sequence[FileResult], rules: dict[str, Rule], changed_only: bool
) -> Iterator[str]:
    files = sorted(filter(lambda item: item.findings, results), key=lambda item: (
        -len(item.findings), str(item.path)
    ))  # fmt: skip
    yield _sentences(results, len(files), changed_only) + "\n\n"
    if not files:
        return
    found = [finding for result in files for finding in result.findings]
    counts = Counter(finding.code for finding in found)
    fixable = Counter(finding.code for finding in found if finding.is_fixable)
    yield table(("rule", "", "findings", "fixable"), 2, (
        (name, rules[name].name, str(count), str(fixable[name]))
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )) + "\n"  # fmt: skip
    yield _fitting(_FILES_ROOM, ("file", "rules", "findings", "fixable"), 2, (
        (code(str(result.path)), ", ".join(sorted({item.code for item in result.findings})),
         str(len(result.findings)), str(result.fixable))
        for result in files
    )) + "\n"  # fmt: skip


def _sentences(results: Sequence[FileResult], files: int, changed_only: bool) -> str:
    found = sum(len(result.findings) for result in results)
    fixable = sum(result.fixable for result in results)
    fixed = sum(result.fixed for result in results)
    among = many(len(results), "changed file" if changed_only else "file")
    where = f"{files} of {among}" if files else among
    text = f"**{many(found, 'finding')}** in {where}"
    text += ", counting changed lines only." if changed_only else "."
    text += f" {fixable} can be fixed with `jaxport check --fix`." if fixable else ""
    return text + (f" {fixed} fixed." if fixed else "")


def _all(results: Sequence[FileResult], room: int) -> str:
    rows = [
        (code(f"{result.path}:{place(finding)}"), finding.code, message(finding.message))
        for result in results
        for finding in result.findings
    ]
    if not rows:
        return ""
    found = _fitting(room - 200, ("place", "rule", "finding"), 3, rows)
    return folded("Every finding", found) + "\n"


def _fitting(
    room: int, headers: Sequence[str], left: int, rows: Iterable[Sequence[str]]
) -> str:
    """A table of the rows that come first and have room, and how many more there are."""
    shown: list[Sequence[str]] = []
    more = 0
    for row in rows:
        room -= sum(len(cell.encode()) + 3 for cell in row) + 2
        if room >= 0:
            shown.append(row)
        else:
            more += 1
    text = table(headers, left, shown) if shown else ""
    return text + (f"\nAnd {more} more.\n" if more else "")


def _patch(patch: bytes) -> Iterator[str]:
    if not patch:
        return
    shown = patch[:_PATCH_ROOM]
    cut = ""
    if shown != patch:
        shown = shown[: shown.rfind(b"\n") + 1]
        cut = "\nThe rest is in the patch file.\n"
    yield folded("What was rewritten", fenced(shown.decode(errors="replace"), "diff") + cut) + "\n"


def _rules(results: Sequence[FileResult], rules: dict[str, Rule]) -> Iterator[str]:
    for name in sorted({finding.code for result in results for finding in result.findings}):
        rule = rules[name]
        body = f"{rule.summary} {rule.why}\n\n" + "".join(_example(rule))
        yield folded(f"{name} {rule.name}", body) + "\n"


def _example(rule: Rule) -> Iterator[str]:
    """The first example that is rewritten, else the first."""
    afters = [item.port if item.nnx is None else item.nnx for item in rule.examples]
    pairs = list(zip(rule.examples, afters, strict=True))
    for example, after in sorted(pairs, key=lambda pair: pair[1] is None)[:1]:
        yield fenced(example.before, "python")
        if after is None:
            yield "\nis reported. `check --fix` does not rewrite it.\n"
        else:
            yield "\nbecomes\n\n" + fenced(after, "python")
