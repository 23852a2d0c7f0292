"""Whole training scripts: torch's original and what jaxport made of it, run from the same start.

A script of `training/cases` gets its models, losses and data from `parts`, which stands in
`training/torch` and, ported by hand, in `training/jax`. The script itself is ported by jaxport alone.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from flax import nnx

from jaxport import check
from jaxport.config import Config

FOLDER = Path(__file__).parent / "training"
CASES = sorted((FOLDER / "cases").iterdir())
LEFT = sorted((FOLDER / "left").glob("*.py"))
STEP = ("JXP2",)


@contextmanager
def parts(framework: str) -> Iterator[None]:
    """`import parts` gives the module of `framework`."""
    folder = str(FOLDER / framework)
    sys.path.insert(0, folder)
    sys.modules.pop("parts", None)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.modules.pop("parts", None)


def run(path: Path, framework: str) -> ModuleType:
    with parts(framework):
        spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{framework}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def numbers(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Parameters and running statistics by name, whichever framework holds them."""
    if isinstance(model, torch.nn.Module):
        return {
            name: value.detach().numpy()
            for name, value in model.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
    state = nnx.state(model, (nnx.Param, nnx.BatchStat))
    flat = nnx.to_flat_state(nnx.merge_state(*state))
    return {
        ".".join(map(str, path)): np.asarray(value[...]) for path, value in flat
    }


def ported(case: Path) -> str:
    before = (case / "before.py").read_bytes()
    checked = check.check_bytes(case / "before.py", before, Config(select=STEP), fix=True)
    assert checked.text is not None, [finding.message for finding in checked.findings]
    return checked.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_after_file_is_what_jaxport_writes(case: Path) -> None:
    assert ported(case) == (case / "after.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_of_the_step_is_left(case: Path) -> None:
    after = (case / "after.py").read_bytes()
    checked = check.check_bytes(case / "after.py", after, Config(select=STEP), fix=True)
    assert checked.text is None
    assert checked.findings == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_losses_parameters_and_statistics_are_torchs(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run(case / "before.py", "torch")
    printed = capsys.readouterr().out
    after = run(case / "after.py", "jax")
    assert len(before.losses) >= 50
    np.testing.assert_allclose(after.losses, before.losses, rtol=1e-4, atol=1e-6)
    assert len(before.MODELS) == len(after.MODELS)
    for model, other in zip(before.MODELS, after.MODELS, strict=True):
        wanted, found = numbers(model), numbers(other)
        assert wanted.keys() == found.keys()
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-4, err_msg=name)
    # What is printed is printed as often.
    assert capsys.readouterr().out.count("\n") == printed.count("\n")


@pytest.mark.parametrize("path", LEFT, ids=lambda path: path.stem)
def test_what_can_not_be_ported_stays_with_its_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    wanted = re.match(r"# left: (.*)", text)
    assert wanted is not None
    checked = check.check_bytes(path, path.read_bytes(), Config(select=STEP), fix=True, unsafe=True)
    left = checked.text or text
    comments = re.compile(r"^ *# jaxport: JXP202 not ported: .*\n", re.MULTILINE)
    assert comments.sub("", left) == text
    reasons = "\n".join(finding.message for finding in checked.findings)
    assert re.search(wanted[1], reasons, re.IGNORECASE), reasons
