"""Initial values have torch's distributions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from against_torch import agree, ported, run_jax, run_torch, unused
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxport.parts.init import initialisers

few = settings(max_examples=15, deadline=None, derandomize=True)
LINEAR, CONV = (200, 150), (40, 20, 5, 6)
CALLS = (
    "uniform_(x)", "uniform_(x, -2.0, 0.5)", "normal_(x)", "normal_(x, mean=3.0, std=0.1)",
    "normal_(x, 0.0, 2.0)", "trunc_normal_(x)", "trunc_normal_(x, std=0.02)",
    "trunc_normal_(x, std=1.5)", "trunc_normal_(x, 1.0, 0.5, a=0.5, b=3.0)",
    "trunc_normal_(x, mean=0.0, std=1.0, a=2.0, b=5.0)", "trunc_normal_(x, a=-0.1, b=0.1)",
    "xavier_uniform_(x)", "xavier_uniform_(x, gain=2.0)",
    "xavier_uniform_(x, gain=torch.nn.init.calculate_gain('relu'))", "xavier_normal_(x)",
    "xavier_normal_(x, 0.5)", "kaiming_uniform_(x)", "kaiming_uniform_(x, a=5**0.5)",
    "kaiming_uniform_(x, mode='fan_out', nonlinearity='relu')", "kaiming_normal_(x)",
    "kaiming_normal_(x, 0.2, 'fan_out')", "kaiming_normal_(x, a=1, nonlinearity='tanh')",
)  # fmt: skip
FIXED = (
    "zeros_(x)", "ones_(x)", "constant_(x, 0.25)", "constant_(x, val=-3)", "eye_(x)", "eye_(y)",
    "dirac_(z)", "dirac_(z, 2)", "dirac_(u)", "dirac_(v, groups=3)",
    "_calculate_fan_in_and_fan_out(x)", "_calculate_fan_in_and_fan_out(z)",
    "calculate_gain('linear')", "calculate_gain('conv2d')", "calculate_gain('sigmoid')",
    "calculate_gain('conv_transpose3d')", "calculate_gain('tanh')", "calculate_gain('relu')",
    "calculate_gain('selu')", "calculate_gain('leaky_relu')", "calculate_gain('leaky_relu', 0.3)",
    "calculate_gain('leaky_relu', param=1)", "calculate_gain('relu', 3)",
)  # fmt: skip
ORTHOGONAL = ("orthogonal_(x)", "orthogonal_(x, gain=1.5)")


def with_module(call: str) -> str:
    return f"torch.nn.init.{call}"


def ours(call: str, shape: tuple[int, ...], seed: int = 0) -> jax.Array:
    source = ported(with_module(call))
    if "calculate_gain" in call and "(x" in call:
        source = source.replace("jnp.nn.init.calculate_gain", "init_calculate_gain")
    value = run_jax(source, x=jnp.zeros(shape), key=jax.random.key(seed))
    assert isinstance(value, jax.Array) and value.shape == shape and value.dtype == jnp.float32
    return value


@pytest.mark.parametrize("shape", [LINEAR, CONV])
@pytest.mark.parametrize("call", CALLS)
def test_distribution(call: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    theirs = run_torch(with_module(call), x=torch.empty(shape)).numpy().ravel()
    found = np.asarray(ours(call, shape)).ravel()
    spread = theirs.std()
    # Two samples of 24,000 values or more: quantiles differ by about 1 % of the spread.
    shares = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(
        np.quantile(found, shares), np.quantile(theirs, shares), atol=0.06 * spread
    )
    np.testing.assert_allclose(found.mean(), theirs.mean(), atol=0.03 * spread)
    np.testing.assert_allclose(found.std(), spread, rtol=0.02)
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.03
    if "uniform" in call:
        np.testing.assert_allclose(
            [found.min(), found.max()], [theirs.min(), theirs.max()], atol=0.005 * spread
        )
    assert (found != np.asarray(ours(call, shape, 1)).ravel()).any()


@pytest.mark.parametrize("call", FIXED)
def test_fixed_value(call: str) -> None:
    shapes = {"x": (3, 4), "y": (5, 2), "z": (4, 3, 3, 4), "u": (2, 3, 5), "v": (6, 1, 3, 2, 1)}
    arrays = {name: np.full(shape, 7, np.float32) for name, shape in shapes.items()}
    theirs = run_torch(with_module(call), **{k: torch.tensor(v) for k, v in arrays.items()})
    found = run_jax(ported(with_module(call)), **{k: jnp.asarray(v) for k, v in arrays.items()})
    if isinstance(theirs, (int, float)):
        np.testing.assert_allclose(found, theirs, rtol=1e-12)
    else:
        agree(found, theirs)


@pytest.mark.parametrize("call", ORTHOGONAL)
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (4, 3, 2, 2), (12, 2, 2)])
def test_orthogonal(call: str, shape: tuple[int, ...]) -> None:
    value = np.asarray(ours(call, shape)).reshape(shape[0], -1)
    theirs = run_torch(with_module(call), x=torch.empty(shape)).numpy().reshape(shape[0], -1)
    if value.shape[0] > value.shape[1]:
        value, theirs = value.T, theirs.T
    np.testing.assert_allclose(value @ value.T, theirs @ theirs.T, atol=1e-5)


def test_orthogonal_matrices_have_no_direction() -> None:
    values = np.stack([np.asarray(ours("orthogonal_(x)", (3, 3), seed)) for seed in range(200)])
    np.testing.assert_allclose(values.mean(0), 0, atol=0.15)
    np.testing.assert_allclose(values.std(0), 3**-0.5, atol=0.1)


@few
@given(
    mean=st.floats(-2, 2), std=st.floats(0.01, 2), a=st.floats(-3, 2), width=st.floats(0.1, 4),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_truncated_values_stay_inside(
    mean: float, std: float, a: float, width: float, seed: int
) -> None:
    b = a + width
    call = f"trunc_normal_(x, {mean}, {std}, {a}, {b})"
    if a - mean > 4 * std or mean - b > 4 * std:
        with pytest.raises(ValueError, match="too far"):
            ours(call, (50,), seed)
        return
    value = ours(call, (2000,), seed)
    assert (value >= np.float32(a)).all() and (value <= np.float32(b)).all()
    assert abs(value - mean).max() < 5.6 * std


def test_every_form_is_run() -> None:
    calls = [with_module(call) for call in (*CALLS, *FIXED, *ORTHOGONAL)]
    assert unused("initialisers", calls) == []


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("init_calculate_gain", ("gelu",), "no gain"),
        ("init_fans", (jnp.zeros(3),), "two axes"),
        ("init_dirac", (jnp.zeros((5, 2, 3)), 2), "groups"),
        ("init_orthogonal", (jax.random.key(0), jnp.zeros(3)), "two axes"),
        ("init_kaiming_normal", (jax.random.key(0), jnp.zeros((3, 3)), 0.0, "fan"), "fan_in"),
    ],
)
def test_what_is_refused(function: str, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(initialisers, function)(*arguments)
