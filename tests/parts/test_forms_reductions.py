"""Sums, extremes, norms, orders and counts give what torch gives."""

from __future__ import annotations

import numpy as np
import pytest
from forms_harness import accepted, check, check_on, unused
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(max_examples=20, deadline=None, derandomize=True)


_NAMES = (
    "sum", "mean", "prod", "all", "any", "amax", "amin", "argmax", "argmin", "nansum", "nanmean",
    "count_nonzero",
)  # fmt: skip
_OPTIONS = (
    "", "1", "dim=-1", "(0, 2)", "dim=[1, 2]", "0, keepdim=True", "dim=(0, 1), keepdim=True",
    "axis=1", "keepdim=True", "dtype=torch.float32", "1, dtype=torch.int64",
)  # fmt: skip


def _reductions() -> list[str]:
    """Functions with all options, methods with some; both on other types than floats."""
    found = []
    for name in _NAMES:
        found += [f"torch.{name}(x, {option})" for option in _OPTIONS]
        found += [f"x.{name}({option})" for option in _OPTIONS[:6:2]]
        found += [f"torch.{name}({array}, 1)" for array in ("i", "b", "i8")]
        found += [f"{array}.{name}()" for array in ("h", "ties")]
    return [source.replace(", )", ")") for source in found if accepted(source)]


def _spreads() -> list[str]:
    options = ["", "1", "dim=-1", "(0, 2)", "0, keepdim=True", "unbiased=False", "unbiased=True",
               "False", "True", "1, False", "1, True", "dim=(1, 2), unbiased=False, keepdim=True",
               "dim=1, correction=0", "correction=2", "dim=[0, 1], correction=0, keepdim=True",
               "None, False"]  # fmt: skip
    found = ["torch.var(x)", "x.std()", "x.std(True)", "x.std(False)", "torch.var(x, False)",
             "torch.var(x, True)", "x.std(1, False)", "x.std(0, True)", "torch.var(x, 1, True)",
             "torch.var(x, 0, False)", "h.std(1)", "torch.var(h)"]  # fmt: skip
    for option in options:
        found += [f"torch.std(x, {option})", f"x.var({option})"]
        found += [f"torch.{name}_mean(x, {option})" for name in ("std", "var")]
    return [source.replace(", )", ")") for source in found]


# Extremes along a dimension, of ties, of NaN and infinities, of two tensors.
_EXTREMES = (
    "torch.{}(x)", "x.{}()", "i.{}()", "b.{}()", "e.{}()", "torch.{}(x, 1)", "x.{}(dim=-1)",
    "ties.{}(1, keepdim=True)", "torch.{}(e, 0)", "torch.{}(i, dim=0, keepdim=True)[0]",
    "x.{}(-1).values", "ties.{}(2).indices", "torch.{}(x, y)", "x.{}(y)", "torch.{}(i, x)",
    "e[:, None].{}(e)", "torch.arg{}(ties)", "ties.arg{}(1)", "e.arg{}()", "torch.cum{}(ties, 1)",
    "x.cum{}(-1)", "e.cum{}(dim=0)", "b.{}(0)",
)  # fmt: skip

SNIPPETS = list(dict.fromkeys([
    *_reductions(), *_spreads(),
    *(source.format(name) for name in ("max", "min") for source in _EXTREMES),
    "torch.logsumexp(x, 1)", "x.logsumexp(dim=-1, keepdim=True)", "torch.logsumexp(x, (0, 2))",
    "torch.logsumexp(i, 1)", "e[3:].logsumexp(0)", "torch.logsumexp(x - 200, dim=1)",
    "torch.quantile(x, 0.3)", "x.quantile(0.75, dim=1)", "torch.quantile(x, unit[0, 0], dim=-1)",
    "torch.quantile(x, 0.5, 1, True)", "x.quantile(0.4, dim=1, interpolation='lower')",
    "x.quantile(unit[0, 0], dim=1, keepdim=True)",
    "torch.cumsum(x, 1)", "x.cumsum(dim=-1)", "b.cumsum(0)", "i.cumsum(1)", "i32.cumsum(-1)",
    "torch.cumsum(h, 0, dtype=torch.float32)", "x.cumsum_(0)", "torch.cumprod(x, dim=1)",
    "x.cumprod(-1)", "b.cumprod(0)", "i.cumprod(1)", "x.cumprod_(1)",
    "torch.diff(x)", "x.diff(dim=1)", "torch.diff(i, n=2)",
    "torch.diff(x, dim=1, prepend=x[:, :1])", "b.diff()", "torch.diff(v, append=w[:1])",
    # Norms
    "torch.norm(x)", "x.norm()", "x.norm('fro', 1)", "torch.norm(x, dim=(1, 2), keepdim=True)",
    "torch.norm(x, 2, -1)", "x.norm(dim=-1, keepdim=True)", "x.norm(p=1, dim=1)",
    "x.norm(2, dim=(1, 2))", "torch.norm(x, p=float('inf'))", "x.norm(float('-inf'), 1)",
    "x.norm(p=3, dim=1)", "torch.norm(x, p=0, dim=1)", "x.norm(p=0.5)", "h.norm()", "c.norm()",
    "torch.norm(h * 200, dim=1)", "x.norm(p=2, dim=[0, 1])", "torch.linalg.norm(x)",
    "torch.linalg.norm(x, dim=1)", "torch.linalg.norm(x, dim=(1, 2), keepdim=True)",
    "torch.linalg.norm(x, 1, 2)", "torch.linalg.norm(x, ord=2, dim=-1, keepdim=True)",
    "torch.linalg.norm(m, 'fro')", "torch.linalg.norm(m, 2)", "torch.linalg.norm(m, 'nuc')",
    "torch.linalg.norm(x, 1, (1, 2))", "torch.linalg.norm(v, 3)",
    "torch.linalg.vector_norm(x)", "torch.linalg.vector_norm(x, 3, 1)",
    "torch.linalg.vector_norm(x, ord=1, dim=(0, 2), keepdim=True)", "torch.linalg.matrix_norm(x)",
    "torch.linalg.matrix_norm(x, 'nuc')", "torch.linalg.matrix_norm(x, ord=1, keepdim=True)",
    # Orders
    "torch.sort(x)", "ties.sort(dim=1)", "torch.sort(ties, 1, True)", "ties.sort(descending=True)",
    "torch.sort(e)", "torch.sort(e, descending=True)", "ties.sort(dim=0, stable=True)",
    "b.sort(-1)", "i.sort(-1, descending=True)", "torch.sort(x, dim=0).values", "torch.sort(x)[1]",
    "torch.argsort(ties)", "ties.argsort(1, True)", "torch.argsort(e, descending=True)",
    "ties.argsort(dim=0, stable=True)", "torch.topk(x, 2)", "x.topk(3, dim=-1)",
    "x.topk(2, 1, largest=False)", "torch.topk(x, k=1, dim=0, sorted=False)", "i32.topk(4)[0]",
    "ties.topk(2, dim=1, largest=False).values", "u8.topk(2, largest=False)[0]", "torch.topk(e, 3)",
    "torch.kthvalue(x, 2)", "x.kthvalue(1, 1)", "x.kthvalue(3, dim=1, keepdim=True)",
    "ties.kthvalue(2)[0]", "torch.median(x)", "x.median()", "i.median()", "e.median()",
    "v.median()", "torch.median(x, 1)", "x.median(-1)", "x.median(dim=0, keepdim=True)",
    "torch.median(e, 0)", "ties.median(1)[0]", "i32.median(1).values",
    # Counts
    "torch.bincount(iv)", "iv.bincount(minlength=7)", "torch.bincount(iv, weights=v)",
    "torch.histc(x, 5)", "x.histc(bins=4, min=-1, max=1)", "torch.histc(x)", "s.histc(3)",
    "torch.histc(ties, bins=3, min=0, max=2)", "torch.histc(e, 4, -2, 3)",
    "torch.unique(i)", "ties.unique()", "torch.unique(ties, sorted=True, return_inverse=True)",
    "ties.unique(return_counts=True)", "i.unique(return_inverse=True, return_counts=True)",
    "torch.unique(bsq, dim=0)", "bsq.unique(dim=0, return_inverse=True, return_counts=True)",
    "torch.unique(e)", "torch.unique(e, return_counts=True)", "torch.unique_consecutive(ties)",
    "iv.unique_consecutive()", "iv.unique_consecutive(return_counts=True)",
    "torch.unique_consecutive(ties, return_inverse=True)",
    "ties.unique_consecutive(return_inverse=True, return_counts=True)",
]))  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS)


def test_every_form_is_run() -> None:
    assert unused("reductions", SNIPPETS) == []


@few
@given(st.sampled_from([3, 7, 10]), st.integers(-3, 3), st.integers(1, 9))
def test_histc_puts_whole_numbers_in_the_same_intervals(bins: int, low: int, width: int) -> None:
    values = np.arange(-8, 16, dtype=np.float32) / 2
    check_on(f"torch.histc(x, {bins}, {low}, {low + width})", {"x": values})


_WITH_TIES = (
    "torch.max(x, 0)", "torch.min(x, 0)", "torch.sort(x)", "x.argmax()", "x.median()",
    "torch.sort(x, descending=True)", "x.cummax(0)", "x.median(0)[0]",
    "torch.unique_consecutive(x)",
)  # fmt: skip


@few
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan")]), min_size=5, max_size=5))
def test_ties_and_nan(values: list[float]) -> None:
    arrays = {"x": np.array(values, np.float32)}
    for source in _WITH_TIES:
        check_on(source, arrays)
