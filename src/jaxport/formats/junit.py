"""JUnit's XML: a test suite for each file, a failed test for each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jaxport.formats.concise import line, place
from jaxport.formats.options import Options
from jaxport.results import FileResult, Shown
from jaxport.rules.file_itself import UNCHECKED

_MARKUP = frozenset("&<>\"'")


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="jaxport">\n'
    for result in results:
        yield from _suite(result)
    yield "</testsuites>\n"


def _suite(result: FileResult) -> Iterator[str]:
    """The tests of a file; one that passes where nothing was found."""
    name = _escaped(str(result.path))
    errors = sum(finding.code in UNCHECKED for finding in result.findings)
    failures = len(result.findings) - errors
    tests = max(1, len(result.findings))
    yield (
        f'  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="{errors}">\n'
    )
    if not result.findings:
        yield f'    <testcase name="jaxport" classname="{name}"/>\n'
    for finding in result.findings:
        test = f"{finding.code} {place(finding)}"
        yield (
            f'    <testcase name="{test}" classname="{name}">\n'
            f"      {_failure(result, finding)}\n    </testcase>\n"
        )
    yield "  </testsuite>\n"


def _failure(result: FileResult, finding: Shown) -> str:
    tag = "error" if finding.code in UNCHECKED else "failure"
    text = "\n".join([line(result.path, finding), *finding.lines])
    message = _escaped(finding.message)
    return f'<{tag} type="{finding.code}" message="{message}">{_escaped(text)}</{tag}>'


def _escaped(text: str) -> str:
    """`text` as ASCII that any XML parser gives back, in an attribute as well.

    What XML has no way to write stands there as Python escapes it.
    """
    return "".join(
        char if " " <= char <= "~" and char not in _MARKUP
        else f"&#{ord(char)};" if _is_legal(char)
        else char.encode("unicode_escape").decode()
        for char in text
    )  # fmt: skip


def _is_legal(char: str) -> bool:
    return char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or (
        char > "\uffff"
    )
