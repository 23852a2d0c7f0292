"""The examples that each rule carries: what it reports, what the fix writes, what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jaxport import check
from jaxport.config import Config
from jaxport.records import replace
from jaxport.rules import DIALECTS, Example, Rule, all_rules

if TYPE_CHECKING:
    from jaxport.rules import Dialect

EXAMPLES = [
    pytest.param(rule, example, dialect, id=f"{rule.code}-{index}-{dialect}")
    for rule in all_rules()
    for index, example in enumerate(rule.examples)
    for dialect in DIALECTS
]
ACCEPTED = [
    pytest.param(rule, text, id=f"{rule.code}-{index}")
    for rule in all_rules()
    for index, text in enumerate(rule.accepts)
]
ON = Config(select=("JXP1", "JXP2", "JXP3"))


def run(text: str, settings: Config, fix: bool = True) -> check.Checked:
    return check.check_bytes(Path("never-there.py"), text.encode(), settings, fix)


@pytest.mark.parametrize(("rule", "example", "dialect"), EXAMPLES)
def test_example_is_reported_and_fixed(rule: Rule, example: Example, dialect: Dialect) -> None:
    alone = run(example.before, Config(select=(rule.code,)), fix=False)
    assert [finding.code for finding in alone.findings][:1] == [rule.code]
    settings = replace(ON, dialect=dialect)
    fixed = run(example.before, settings)
    expected = example.nnx if dialect == "nnx" else example.switcheroo
    assert fixed.text == expected
    if expected is not None:
        assert run(expected, settings).text is None


@pytest.mark.parametrize(("rule", "text"), ACCEPTED)
def test_other_code_is_not_reported(rule: Rule, text: str) -> None:
    assert run(text, Config(select=(rule.code,)), fix=False).findings == []


def test_every_rule_has_an_example_or_is_about_the_file_itself() -> None:
    bare = {rule.code for rule in all_rules() if not rule.examples}
    assert bare == {"JXP001", "JXP002", "JXP003", "JXP006"}
