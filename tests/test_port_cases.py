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

import jax
import numpy as np
import pytest
import torch
from flax import nnx
from precision import float64

from jaxport import check, port, transfer
from jaxport.config import Config

ROOT = Path(__file__).parents[1]
CASES = [ROOT / "examples" / "gpt", *sorted((ROOT / "tests" / "port" / "cases").iterdir())]
STEPS = 50
# In float32 the rounding of one step grows to more than the tolerance within the 50.
IN_FLOAT64 = {"densenet", "seq2seq_transformer", "squeeze_excite", "tcn"}


@contextmanager
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def in_float64(path: Path, folder: Path) -> Path:
    """A copy of the script that computes in float64."""
    text = path.read_text(encoding="utf-8").replace("float32", "float64")
    copy = folder / path.name
    text = text.replace("torch.float)", "torch.float64)").replace(".float()", ".double()")
    copy.write_text(text, encoding="utf-8")
    return copy


def widen(model: nnx.Module) -> None:
    """Let the model be float64: Flax's layers make float32 whatever JAX's default is."""
    for _, node in nnx.iter_graph(model):
        if isinstance(node, nnx.Embed):
            node.dtype = np.float64  # What it looks up is cast to the type it began with.
        if isinstance(node, nnx.Variable) and not isinstance(node, nnx.RngState):
            value = node.get_value()
            if value is not None and value.dtype == np.float32:
                node.set_value(value.astype(np.float64))


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


def losses(before_path: Path, after_path: Path) -> tuple[list[float], list[float]]:
    """The losses of the original and of its port, from the original's weights."""
    before, after = runpy.run_path(str(before_path)), runpy.run_path(str(after_path))
    originals, ports = as_tuple(before["build"]()), as_tuple(called(after["build"]))
    layouts = transfer.functions(transfer.layouts(transfer.files(after_path)))
    for original, model in zip(originals, ports, strict=True):
        if jax.config.read("jax_enable_x64"):
            widen(model)
        transfer.fill(model, original.state_dict(), layouts)
    with one_thread():
        wanted = before["train"](*originals)
    return wanted, called(after["train"], *ports)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_losses_are_torchs(case: Path, tmp_path: Path) -> None:
    if case.name in IN_FLOAT64:
        with float64():
            wanted, found = losses(
                *(in_float64(case / name, tmp_path) for name in ("before.py", "after.py"))
            )
    else:
        wanted, found = losses(case / "before.py", case / "after.py")
    assert len(found) == len(wanted) >= STEPS
    np.testing.assert_allclose(found[:STEPS], wanted[:STEPS], rtol=1e-4, atol=1e-6)
