"""SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jaxport
from jaxport.findings import Edit, Span
from jaxport.formats.options import Options
from jaxport.formats.places import fingerprints, in_cell, in_repository
from jaxport.formats.rule_page import page
from jaxport.results import FileResult, Shown
from jaxport.rules import Rule, all_rules
from jaxport.rules.file_itself import UNCHECKED

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def render(results: Iterable[FileResult], options: Options) -> Iterator[str]:
    """One run, with the pages of the rules that were found and the fixes that are safe.

    An unsafe fix rests on something that its file does not show, such as what a function in
    another file does with a value. SARIF has no word for that, so such a fix is left out. So is
    that of a notebook's cell, whose text stands in the file as JSON.
    """
    codes: dict[str, int] = {}
    found = [item for result in results for item in _results(result, codes)]
    rules = {rule.code: rule for rule in all_rules()}
    driver = {
        "name": "jaxport",
        "version": jaxport.__version__,
        "rules": [_rule(rules[code]) for code in codes],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": found}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    yield json.dumps(log, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    text = page(rule)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": f"{rule.summary} {rule.why}"},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"enabled": rule.default, "level": _level(rule.code)},
    }


def _level(code: str) -> str:
    return "error" if code in UNCHECKED else "warning"


def _results(result: FileResult, codes: dict[str, int]) -> Iterator[dict[str, Any]]:
    """The findings of a file; `codes` gets the place of each rule in the list of rules."""
    artifact = _artifact(result.path)
    for finding, fingerprint in zip(result.findings, fingerprints(result), strict=True):
        place = {"artifactLocation": artifact, "region": _region(finding.file_span)}
        item = {
            "ruleId": finding.code,
            "ruleIndex": codes.setdefault(finding.code, len(codes)),
            "level": _level(finding.code),
            "message": {"text": in_cell(finding) + finding.message},
            "locations": [{"physicalLocation": place}],
            "partialFingerprints": {"jaxportFinding/v1": fingerprint},
        }
        yield item | _fixes(finding, artifact)


def _artifact(path: Path) -> dict[str, str]:
    from urllib.parse import quote

    name = in_repository(path)
    if name is None:
        return {"uri": Path(os.path.abspath(path)).as_uri()}
    return {"uri": quote(os.fsencode(name)), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.row,
        "startColumn": span.start.column + 1,
        "endLine": span.end.row,
        "endColumn": span.end.column + 1,
    }


def _fixes(finding: Shown, artifact: dict[str, str]) -> dict[str, Any]:
    fix = finding.fix
    if fix is None or fix.applicability != "safe" or finding.span != finding.file_span:
        return {}
    changes = {
        "artifactLocation": artifact,
        "replacements": [_replacement(edit) for edit in fix.edits],
    }
    return {"fixes": [{"description": {"text": fix.message}, "artifactChanges": [changes]}]}


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.content}}
