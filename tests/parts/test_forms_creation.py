"""New tensors have torch's values, shapes and types."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from forms_harness import (
    check,
    check_on,
    forms_used,
    port_expression,
    run_jax,
    run_torch,
    same,
    unused,
)
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(max_examples=20, deadline=None, derandomize=True)

SNIPPETS = [
    *(
        source.format(name)
        for name in ("zeros", "ones")
        for source in (
            "torch.{}(2, 3)", "torch.{}(4)", "torch.{}((2, 3))", "torch.{}(())",
            "torch.{}([2, 3], dtype=torch.long)", "torch.{}(*m.shape)",
            "torch.{}(2, dtype=torch.bool, device='cpu')",
            "torch.{}(m.shape, dtype=m.dtype)", "torch.{}(m.size(0), 2, dtype=torch.float64)",
            "torch.{}(size=(2, 2))", "torch.{}_like(x)", "torch.{}_like(i, dtype=torch.float16)",
            "torch.{}_like(b)", "x.new_{}(2, 3)", "i.new_{}((2,))", "b.new_{}([1, 2])",
            "x.new_{}(3, dtype=torch.long)", "x.new_{}(x.shape[1:], dtype=i.dtype)",
        )
    ),
    "torch.full((2, 3), 7)", "torch.full([2], 0.5)", "torch.full((2,), True)",
    "torch.full((2, 2), float('-inf'))", "torch.full((2,), 1, dtype=torch.float32)",
    "torch.full(m.shape, -1.5, device='cpu')", "torch.full((), 2)", "torch.full((2,), 1j)",
    "torch.full_like(x, 2)", "torch.full_like(i, 2.7)", "torch.full_like(x, 1, dtype=torch.long)",
    "torch.full_like(b, 1)", "x.new_full((2, 3), 4)", "i.new_full([2], 4.5)",
    "x.new_full((1,), 3.5, dtype=torch.int32)", "torch.eye(3)", "torch.eye(2, 4)",
    "torch.eye(3, dtype=torch.bool)", "torch.eye(n=2, m=3, dtype=torch.long)",
    # From data
    "torch.tensor(3)", "torch.tensor(2.5)", "torch.tensor(True)", "torch.tensor([1, 2])",
    "torch.tensor([[1.0, 2], [3, 4]])", "torch.tensor([True, False])", "torch.tensor([])",
    "torch.tensor([1, 2], dtype=torch.float32)", "torch.tensor([1.7, -2.3], dtype=torch.long)",
    "torch.tensor([0, 2], dtype=torch.bool)", "torch.tensor(np.arange(3))",
    "torch.tensor(np.float64(2.5))", "torch.tensor([[1], [2]], device='cpu')",
    "torch.tensor((1, 2.5))", "torch.tensor(float('inf'))", "torch.tensor([1 + 2j])",
    "torch.as_tensor([1, 2])", "torch.as_tensor(x)", "torch.asarray([1.5], dtype=torch.float16)",
    "torch.as_tensor(np.ones((2, 2)), dtype=torch.float32)", "torch.from_numpy(np.arange(4))",
    "torch.from_numpy(np.zeros((2, 2)))", "x.new_tensor([1, 2])", "i.new_tensor([1, 2])",
    "x.new_tensor(3.0, device='cpu')", "x.new_tensor([1.5, 2], dtype=torch.float16)",
    "torch.FloatTensor([1, 2])", "torch.LongTensor([[1, 2], [3, 4]])", "torch.BoolTensor([1, 0])",
    "torch.IntTensor([3])", "torch.HalfTensor([1.5])", "torch.DoubleTensor([1, 2])",
    "torch.ByteTensor([1, 255])", "torch.ShortTensor([1])", "torch.CharTensor([-1])",
    "torch.BFloat16Tensor([1.5])", "torch.Tensor([1, 2])", "torch.Tensor([[0.5]])",
    # Ranges
    "torch.arange(5)", "torch.arange(5.0)", "torch.arange(2.5)", "torch.arange(end=4)",
    "torch.arange(x.shape[1])", "torch.arange(4, dtype=torch.float32)",
    "torch.arange(m.size(1), dtype=torch.long, device='cpu')", "torch.arange(1, 5)",
    "torch.arange(0, 10, 3)", "torch.arange(5, 0, -2)", "torch.arange(0, 1, 0.25)",
    "torch.arange(0, 1, 0.1)", "torch.arange(-1.0, 2.0)", "torch.arange(start=1, end=6, step=2)",
    "torch.arange(0, 8, 2, dtype=torch.float16)", "torch.arange(1, 4, dtype=torch.int32)",
    "torch.arange(0, 8, step=2).float()", "torch.linspace(0, 1, 5)", "torch.linspace(-2, 3, 7)",
    "torch.linspace(1, 5, steps=1)", "torch.linspace(3.0, -1.0, 4, dtype=torch.float16)",
    "torch.linspace(0, 1, 4, dtype=torch.float64)",
    "torch.linspace(start=0, end=1, steps=3, device='cpu')", "torch.logspace(0, 2, 5)",
    "torch.logspace(-1, 1, steps=3, base=2)", "torch.tril_indices(3, 4)",
    "torch.tril_indices(3, 3, -1)", "torch.triu_indices(3, 4, offset=1)",
    "torch.triu_indices(row=2, col=5)", "torch.hann_window(8)",
    "torch.hann_window(7, periodic=False)", "torch.hann_window(1)", "torch.hamming_window(6)",
    "torch.hamming_window(6, False)", "torch.blackman_window(9)",
    "torch.blackman_window(5, periodic=False)",
]  # fmt: skip

# Only their shapes and types are given: what is in them is not torch's to say.
EMPTY = [
    "torch.empty(2, 3)", "torch.empty((2,), dtype=torch.long)", "torch.empty(x.shape)",
    "torch.empty_like(i)", "torch.empty_like(x, dtype=torch.bool)", "x.new_empty(2, 3)",
    "i.new_empty((4,))", "x.new_empty([2], dtype=torch.int32)", "torch.Tensor(2, 3)",
    "torch.FloatTensor(2)", "torch.LongTensor(2, 2)", "torch.IntTensor(1)", "torch.HalfTensor(2)",
    "torch.BoolTensor(3)", "torch.ByteTensor(2)", "torch.DoubleTensor(2)", "torch.ShortTensor(2)",
    "torch.CharTensor(2, 2)", "torch.BFloat16Tensor(2)",
]  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS)


@pytest.mark.parametrize("source", EMPTY)
def test_empty_has_torch_s_shape(source: str) -> None:
    same(torch.zeros_like(run_torch(source)), run_jax(port_expression(source)), source)
    assert any("torch holds what was in memory" in form.differences for form in forms_used(source))


def test_every_form_is_run() -> None:
    assert unused("creation", [*SNIPPETS, *EMPTY]) == []


_NUMBERS = st.one_of(st.integers(-6, 6), st.sampled_from([-2.5, 0.1, 0.75, 3.3]))


@few
@given(_NUMBERS, _NUMBERS, st.sampled_from([1, 2, -1, 0.5, 0.3, -0.7]))
def test_ranges(start: float, end: float, step: float) -> None:
    if (end - start) * step > 0:
        check_on(f"torch.arange({start}, {end}, {step})", {})
    check_on(f"torch.linspace({start}, {end}, 6)", {})


@pytest.mark.parametrize(
    "source",
    [
        "torch.arange(5.5, dtype=torch.long)", "torch.zeros(2, requires_grad=True)",
        "torch.tensor([1.0], requires_grad=True)", "torch.zeros(2, out=x)",
        "torch.logspace(0, 1, 3, dtype=torch.float16)", "torch.hann_window(4, dtype=torch.half)",
    ],
)  # fmt: skip
def test_what_is_not_exact_is_not_served(source: str) -> None:
    with pytest.raises(LookupError):
        port_expression(source)


def test_whole_numbers_at_even_distances_raise() -> None:
    with pytest.raises(ValueError, match="linspace in int64 is not torch's"):
        run_jax(port_expression("torch.linspace(0, 5, 3, dtype=torch.long)"))


def test_sizes_are_written_as_in_numpy() -> None:
    assert np.array_equal(run_jax(port_expression("torch.zeros(3)")), np.zeros(3))
    assert port_expression("torch.zeros(2, 3)") == "jnp.zeros((2, 3))"
    assert port_expression("torch.arange(x.size(1), device=x.device)") == "jnp.arange(x.shape[1])"
