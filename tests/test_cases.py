"""Whole files, before and after `check --fix`, in folders under `cases`.

A case without `after.py` stays as it is. To add one, add a folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from jaxport import check
from jaxport.config import Config

CASES = sorted((Path(__file__).parent / "cases").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fix_writes_the_after_file(case: Path) -> None:
    before = (case / "before.py").read_bytes()
    checked = check.check_bytes(case / "before.py", before, Config(), fix=True)
    assert checked.source is not None
    written = before if checked.text is None else checked.source.encode(checked.text)
    assert written == (case / "after.py").read_bytes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_second_fix_changes_nothing(case: Path) -> None:
    after = (case / "after.py").read_bytes()
    checked = check.check_bytes(case / "after.py", after, Config(), fix=True)
    assert checked.text is None
