"""Whole training scripts: torch's original and what jaxport made of it, run from the same start.

A script of `training/cases` gets its models, losses and data from `parts`, which stands in
`training/torch` and, ported by hand, in `training/jax`. The script is ported by jaxport alone.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from precision import float64

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


@dataclass
class Ran:
    """What a script leaves: its losses, and the arrays of each model by name."""

    losses: list[float]
    models: list[dict[str, np.ndarray[Any, Any]]]


def run(path: Path, framework: str) -> Ran:
    with parts(framework), float64():
        left = runpy.run_path(str(path), run_name="__main__")
        losses, models = left["losses"], left["MODELS"]
        return Ran(losses, [sys.modules["parts"].arrays(model) for model in models])


def beside_parts(case: Path) -> Path:
    """Where the script would stand to see torch's `parts` as a file of its project."""
    return FOLDER / "torch" / f"{case.name}.py"


def ported(case: Path) -> str:
    before = (case / "before.py").read_bytes()
    checked = check.check_bytes(beside_parts(case), before, Config(), fix=True)
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
    for wanted, found in zip(before.models, after.models, strict=True):
        assert wanted.keys() == found.keys()
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-4, err_msg=name)
    # What is printed is printed as often.
    assert capsys.readouterr().out.count("\n") == printed.count("\n")


STEPS = {
    "plain": ("MLP", "regression_batches", "mse_loss", "", "loss"),
    "with batch norm": ("Classifier", "classification_batches", "cross_entropy", "", "loss"),
    "clipped": (
        "MLP", "regression_batches", "mse_loss",
        "    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)\n", "loss",
    ),
    "with its output": ("MLP", "regression_batches", "mse_loss", "", "loss, output"),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_step_without_side_effects_can_be_jitted(name: str, tmp_path: Path) -> None:
    model, batches, loss, clip, given = STEPS[name]
    text = (
        f"import torch\nfrom parts import {model}, {batches}, {loss}\n\n\n"
        "def step(model, optimizer, x, y):\n"
        "    optimizer.zero_grad()\n"
        "    output = model(x)\n"
        f"    loss = {loss}(output, y)\n"
        "    loss.backward()\n"
        f"{clip}"
        "    optimizer.step()\n"
        f"    return {given}\n\n\n"
        f"model = {model}()\n"
        "optimizer = torch.optim.Adam(model.parameters(), lr=0.01)\n"
        "losses = []\n"
        "for epoch in range(5):\n"
        f"    for x, y in {batches}():\n"
        "        result = step(model, optimizer, x, y)\n"
        "        losses.append((result[0] if isinstance(result, tuple) else result).item())\n"
        "MODELS = [model]\n"
    )
    script = tmp_path / "step" / "before.py"
    script.parent.mkdir()
    script.write_text(text, encoding="utf-8")
    checked = check.check_bytes(beside_parts(script.parent), text.encode(), Config(), fix=True)
    assert checked.text is not None and "def loss_fn" in checked.text
    jitted = checked.text.replace("def step(", "@flax.nnx.jit\ndef step(")
    after = script.with_name("after.py")
    after.write_text(jitted, encoding="utf-8")
    wanted, found = run(script, "torch"), run(after, "jax")
    assert len(wanted.losses) >= 50
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-4, atol=1e-6)


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
