"""Whole scripts: a model and its training, ported by `jaxport port` and run beside the original.

Each folder of `port/cases` has `before.py`, of PyTorch, and `after.py`, what jaxport makes of it.
A script defines `build()` and `train(model)`; the port starts from torch's weights, and its losses
have to be torch's.
"""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flax import nnx

from jaxport import check, port, transfer
from jaxport.config import Config

ROOT = Path(__file__).parents[1]
CASES = [ROOT / "examples" / "gpt", *sorted((ROOT / "tests" / "port" / "cases").iterdir())]
STEPS = 50


@contextmanager
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def called(function: Any, *arguments: Any) -> Any:
    """The function with its arguments, and with random numbers where it takes them."""
    if "rngs" in inspect.signature(function).parameters:
        return function(*arguments, rngs=nnx.Rngs(0))
    return function(*arguments)


def as_tuple(models: Any) -> tuple[Any, ...]:
    return models if isinstance(models, tuple) else (models,)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_after_file_is_what_jaxport_writes(case: Path) -> None:
    ported = port.port_path(case / "before.py", Config())
    assert [finding.message for finding in ported.blockers] == []
    assert ported.text == (case / "after.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_porting_the_port_changes_nothing(case: Path) -> None:
    again = port.port_path(case / "after.py", Config())
    assert again.is_clean
    assert again.text is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_rule_calls_the_port_clean(case: Path) -> None:
    everything = Config(select=("ALL",))
    assert check.check_path(case / "before.py", everything).findings != []
    assert check.check_path(case / "after.py", everything).findings == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_losses_are_torchs(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = runpy.run_path(str(case / "before.py"))
    after = runpy.run_path(str(case / "after.py"))
    originals = as_tuple(before["build"]())
    ports = as_tuple(called(after["build"]))
    layouts = transfer.functions(transfer.layouts(transfer.files(case / "after.py")))
    for original, model in zip(originals, ports, strict=True):
        transfer.fill(model, original.state_dict(), layouts)
    with one_thread():
        wanted = before["train"](*originals)
    found = called(after["train"], *ports)
    assert len(found) == len(wanted) >= STEPS
    np.testing.assert_allclose(found[:STEPS], wanted[:STEPS], rtol=1e-4, atol=1e-6)
