"""Random numbers have torch's distributions, shapes and types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import torch
from forms_harness import (
    ARRAYS,
    JAX_NAMES,
    forms_used,
    names_in,
    port_expression,
    run_torch,
    same,
    unused,
)

from jaxport import port
from jaxport.config import Config

# Enough to tell a mean from another one: of n numbers it is off by 4 / sqrt(n) once in 16,000.
_MANY = 40_000
_BIG = {
    **ARRAYS,
    "x": np.zeros((200, 200), np.float32), "h": np.zeros((200, 200), np.float16),
    "i": np.zeros((200, 200), np.int64),
    "p": np.full((200, 200), 0.3, np.float32),
    "mean": np.linspace(-1, 1, _MANY).astype(np.float32),
    "std": np.linspace(0.5, 2, _MANY).astype(np.float32),
    "weights": np.array([1.0, 0.0, 3.0, 2.0], np.float32),
    "rows": np.tile(np.array([1.0, 0.0, 3.0, 2.0], np.float32), (20_000, 1)),
}  # fmt: skip

SNIPPETS = [
    f"torch.rand({_MANY})", "torch.rand(200, 200, dtype=torch.float16)", "torch.rand(x.shape)",
    "torch.rand((200, 200), device='cpu')", "torch.rand_like(x)", "torch.rand_like(torch.exp(x))",
    "torch.rand_like(i, dtype=torch.float32)", f"torch.randn({_MANY})", "torch.randn(200, 200)",
    "torch.randn([200, 200], dtype=torch.float16)", "torch.randn_like(x)", "torch.randn_like(h)",
    "torch.randn_like(x + 1)", "torch.randn_like(torch.exp(x))",
    "torch.randn_like(i, dtype=torch.float32)", f"torch.randint(10, ({_MANY},))",
    "torch.randint(high=5, size=(200, 200), device='cpu')", "torch.randint(-3, 4, (200, 200))",
    "torch.randint(low=2, high=9, size=[200, 200])",
    "torch.randint(0, 2, (200, 200), dtype=torch.float32)",
    "torch.randint(6, (200, 200), dtype=torch.int32)", "torch.randint_like(x, 7)",
    "torch.randint_like(i, -2, 3)", f"torch.randperm({_MANY})",
    "torch.randperm(x.shape[0], device='cpu')", f"torch.normal(1.0, 2.0, ({_MANY},))",
    "torch.normal(mean=0, std=0.5, size=(200, 200))", "torch.normal(mean, std)",
    "torch.normal(mean, 0.5)", "torch.normal(2.0, std)", "torch.normal(mean)",
    "torch.normal(mean=mean, std=std)", "torch.bernoulli(p)", "p.bernoulli()",
    "torch.multinomial(rows, 1)", "rows.multinomial(2)", "torch.multinomial(rows, 3, True)",
    "torch.multinomial(weights, 20000, replacement=True)", "torch.multinomial(rows, 3)",
    "torch.poisson(p * 10)", "x.normal_()", "x.normal_(std=0.02)", "x.normal_(0, 0.5)",
    "x.normal_(mean=0.0, std=2.0)", "x.normal_(1.5, 0.1)", "h.normal_(mean=1)", "x.uniform_()",
    "x.uniform_(-2, 3)", "x.uniform_(-0.1, to=0.1)", "x.bernoulli_()", "x.bernoulli_(0.2)",
    "i.bernoulli_(p)", "x.exponential_()", "x.exponential_(2.0)", "i.random_(3, 8)",
    "x.random_(0, 4)",
    *(
        f"torch.empty_like(x).{drawn}"
        for drawn in (
            "normal_()", "normal_(std=0.02)", "normal_(1.5, 0.1)", "uniform_(-2, 3)", "uniform_()",
            "bernoulli_(0.2)", "bernoulli_()", "exponential_()", "exponential_(2.0)",
        )
    ),
]  # fmt: skip


def _drawn(source: str, seed: int = 0) -> jax.Array:
    """What the ported expression draws."""
    ported = port_expression(source)
    values = {name: jax.numpy.asarray(_BIG[name]) for name in names_in(ported, _BIG)}
    result: jax.Array = eval(ported, {**JAX_NAMES, "key": jax.random.key(seed), **values})
    return result


def _moments(values: Any) -> np.ndarray[Any, Any]:
    """Mean, spread and the third and fourth moment, each in units of one."""
    values = np.asarray(values, np.float64).ravel()
    spread = values.std() + 1e-9
    scaled = (values - values.mean()) / spread
    return np.array([values.mean() / spread, np.log(spread), (scaled**3).mean() / 4,
                     (scaled**4).mean() / 16])  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_distribution(source: str) -> None:
    torch.manual_seed(0)
    expected = run_torch(source, _BIG)
    actual = _drawn(source)
    assert tuple(expected.shape) == actual.shape
    same(expected[:0], actual[:0], source)
    if expected.numel() > 1000:
        np.testing.assert_allclose(
            _moments(actual.astype("float32")), _moments(expected.float()), atol=0.05
        )
        low, high = float(expected.float().min()), float(expected.float().max())
        wide = 0.25 * (high - low)
        assert low - wide <= float(actual.min()) <= low + wide
        assert high - wide <= float(actual.max()) <= high + wide
    assert not np.array_equal(actual, _drawn(source, seed=1))


def test_every_form_is_run() -> None:
    assert unused("random_numbers", SNIPPETS) == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_draws_without_replacement_in_order(count: int) -> None:
    """Each place of the draw has the distribution that it has in torch."""
    torch.manual_seed(0)
    source = f"torch.multinomial(rows, {count})"
    actual, expected = np.asarray(_drawn(source)), run_torch(source, _BIG).numpy()
    for place in range(count):
        drawn, wanted = (
            np.bincount(item[:, place], minlength=4) / 20_000 for item in (actual, expected)
        )
        np.testing.assert_allclose(drawn, wanted, atol=0.02)
    assert (np.sort(actual, axis=1)[:, 1:] != np.sort(actual, axis=1)[:, :-1]).all()
    assert not (actual == 1).any()


def test_a_permutation_has_everything_once() -> None:
    assert np.array_equal(np.sort(_drawn("torch.randperm(50)")), np.arange(50))


def test_an_argument_is_computed_once() -> None:
    assert port_expression("torch.randn_like(x)") == "jax.random.normal(key, x.shape, x.dtype)"
    assert port_expression("torch.randn_like(torch.exp(x))").count("exp") == 1


def test_a_ported_file_computes_an_argument_once(tmp_path: Path) -> None:
    before = tmp_path / "before.py"
    before.write_text(
        "import torch\n\ndef noise(x: torch.Tensor):\n    return torch.randn_like(torch.exp(x))\n"
    )
    ported = port.port_path(before, Config())
    assert ported.text is not None
    assert ported.text.count("jnp.exp(x)") == 1


def test_a_generator_of_torch_is_not_served() -> None:
    with pytest.raises(LookupError):
        port_expression("torch.rand(3, generator=x)")
    assert forms_used("torch.rand(3, generator=None)")
