"""Reading and writing at places gives what torch gives, whatever the shapes of the indexes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forms_harness import (
    can_be_compiled,
    check,
    check_on,
    forms_used,
    port_expression,
    run_jax,
    unused,
)
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(max_examples=20, deadline=None, derandomize=True)

# `p` has places along the last dimension, each once in a row; `q` some of them, in fewer rows.
_P = "torch.argsort(y)"
_Q = "torch.argsort(y)[:1, :2, 1:3]"

SNIPPETS = [
    # Reading
    f"torch.gather(x, 2, {_P})", f"x.gather(-1, {_Q})", "x.gather(dim=1, index=n[None, :, None])",
    "torch.gather(x, 0, torch.zeros_like(i[:1]))", "m.gather(1, iv[None, :])",
    "v.gather(0, iv)", f"torch.take_along_dim(x, {_P}, dim=-1)",
    f"x.take_along_dim({_P}[:, :1], 2)", f"torch.take_along_dim(x, {_P})", "x.take_along_dim(iv)",
    "torch.take(x, iv)", "x.take(n)", "torch.index_select(x, 1, n)", "x.index_select(-1, iv)",
    "x.index_select(dim=0, index=torch.argmax(v[:2]))", "i.index_select(2, iv)",
    "torch.masked_select(x, b)", "x.masked_select(bv)", "m.masked_select(sq[:, :1] > 0)",
    "torch.where(b)", "torch.where(v > 0)[0]", "torch.where(b, x, y)", "torch.where(b, x, 0.0)",
    "torch.where(b, 1.0, 0.0)", "torch.where(b, 1, 0)", "torch.where(bv, x, i)",
    "torch.where(x > 0, i, 0.5)", "torch.where(x > y, x, float('-inf'))", "torch.where(bm, h, 0)",
    "x.where(b, y)", "x.where(x > 0, 0.0)", "i.where(b, -100)", "torch.nonzero(b)", "i.nonzero()",
    "x.nonzero(as_tuple=False)", "torch.nonzero(b, as_tuple=True)", "bm.nonzero(as_tuple=True)",
    "torch.argwhere(b)", "i.argwhere()", "torch.isin(i, n)", "torch.isin(i, n, invert=True)",
    "torch.isin(i, 2)", "torch.isin(i, n, assume_unique=False)",
    "torch.bucketize(x, torch.sort(v)[0])", "torch.bucketize(ties, torch.sort(iv)[0], right=True)",
    "torch.bucketize(0.5, torch.sort(v).values)",
    "torch.bucketize(ties, torch.sort(iv)[0], right=False, out_int32=True)",
    "torch.searchsorted(torch.sort(v)[0], x)",
    "torch.searchsorted(torch.sort(iv)[0], ties, right=True)",
    "torch.searchsorted(torch.sort(e)[0][:8], e)",
    # Filling
    "torch.masked_fill(x, b, 0)", "x.masked_fill(b, float('-inf'))", "x.masked_fill(bv, -1e9)",
    "x.masked_fill(i == 0, 1)", "b.masked_fill(b, 0)", "i.masked_fill(b, 7)", "x.masked_fill(b, s)",
    "i.masked_fill(b, torch.argmax(v))", "h.masked_fill(bm, float('-inf'))", "h.masked_fill(bm, s)",
    "b.masked_fill(b, False)", "x.masked_fill_(b, 0.5)", "x.masked_fill_(b, -1)",
    "v.masked_fill(bm, 0.0)", "x.masked_fill(b, torch.finfo(x.dtype).min)",
    "torch.masked_scatter(x, b, y)", "x.masked_scatter(bv, e.expand(2, 12))",
    "x.masked_scatter_(b, y)", "i.masked_scatter(b, i[:, :, 1:3].repeat(3, 1, 1))",
    # Writing
    f"torch.scatter(x, 2, {_P}, y)", f"x.scatter(-1, {_Q}, y)", f"x.scatter(2, {_Q}, 0.5)",
    f"x.scatter(dim=2, index={_Q}, value=-1)", f"x.scatter_(2, {_P}, 1)", f"i.scatter(2, {_Q}, j)",
    f"torch.scatter(i, 2, {_Q}, 0.75)", "torch.zeros(3, 5).scatter_(1, n[:, None], 1.0)",
    "x.scatter(1, n[None, :, None], y, reduce='add')",
    f"x.scatter(2, {_P} % 2, 0.5, reduce='add')", f"x.scatter(2, {_P} % 2, y, reduce='multiply')",
    f"x.scatter_(2, {_P} % 2, value=2.0, reduce='multiply')",
    f"x.scatter(2, {_P} % 2, value=1.5, reduce='add')",
    f"torch.scatter_add(x, 2, {_P} % 2, y)", "v.scatter_add(0, iv, w)",
    f"x.scatter_add_(dim=-1, index={_Q}, src=y)", "torch.zeros(5).scatter_add_(0, iv, w)",
    *(
        f"{name}(2, torch.argsort(y) % 2, y, reduce='{how}', include_self={own})"
        for name in ("x.scatter_reduce", "pos.scatter_reduce_")
        for how in ("sum", "prod", "amax", "amin", "mean")
        for own in (True, False)
    ),
    "torch.scatter_reduce(v, 0, iv, w, 'amax')", "i.scatter_reduce(1, n[None, :, None], j, 'mean')",
    "x.scatter_reduce(-1, torch.argsort(y)[:1, :2, :3] % 2, y, 'mean')",
    "torch.index_add(x, 0, iv % 2, torch.stack([m, m2, m, m2]))", "m.index_add(0, n, m2)",
    "m.index_add_(0, n, m2)", "m.index_add(1, iv, m2)", "x.index_add(-1, iv, y)",
    "m.index_add(dim=0, index=n, source=m2, alpha=0.5)", "x.index_add_(2, iv, y, alpha=2)",
    "torch.index_copy(m, 0, n, m2)", "m.index_copy_(0, n, m2)", "x.index_copy(1, n, y)",
    "x.index_copy(-2, n[:2], y[:, :2])", "torch.index_fill(x, 1, n[:2], 0.5)",
    "x.index_fill_(-1, iv, 2)", "i.index_fill(0, n[1:2], -1)", "x.index_fill(0, iv[1:2], s)",
    "torch.index_put(m, (n, iv[:3]), v[:3])", "m.index_put_([n], m2)",
    "m.index_put((n, iv[:3]), v[:3], accumulate=True)", "v.index_put([iv], w, accumulate=True)",
    "v.index_put_((iv,), w, True)", "sq.fill_diagonal_(5)", "m.fill_diagonal_(0.5)",
    "x[:, 0].fill_diagonal_(1.0)",
]  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS)


def test_every_form_is_run() -> None:
    assert unused("indexing", SNIPPETS) == []


@st.composite
def _gathered(draw: st.DrawFn) -> dict[str, Any]:
    """An array of fixed shape, and an index that is smaller in some dimensions."""
    rows, columns = draw(st.sampled_from([(1, 1), (1, 4), (3, 1), (2, 3), (3, 5)]))
    index = draw(st.lists(st.integers(0, 2), min_size=rows * columns, max_size=rows * columns))
    return {
        "x": np.arange(12, dtype=np.float32).reshape(3, 4),
        "y": np.arange(15, dtype=np.float32).reshape(3, 5) / 8,
        "at": np.array(index).reshape(rows, columns),
    }


@few
@given(_gathered())
def test_indexes_smaller_than_the_array(arrays: dict[str, Any]) -> None:
    check_on("torch.gather(x, 1, at)", arrays)
    if arrays["at"].shape[1] <= 4:
        check_on("torch.gather(x, 0, at)", arrays)
        check_on("x.scatter_add(0, at, y)", arrays)
    check_on("x.scatter_add(1, at, y)", arrays)
    check_on("x.scatter_reduce(1, at, y, 'amax')", arrays)


def test_unknown_reduction_raises() -> None:
    with pytest.raises(ValueError, match="'median' is none of"):
        run_jax(port_expression("v.scatter_reduce(0, iv, w, 'median')"))


def test_what_can_not_be_traced_says_so() -> None:
    for source in SNIPPETS:
        said = any("not under `jit`" in form.differences for form in forms_used(source))
        assert said != can_be_compiled(port_expression(source)), source


def test_idiom() -> None:
    assert port_expression("x.masked_fill(b, -1e9)") == "jnp.where(b, -1000000000.0, x)"
    assert port_expression("m.index_add_(0, n, m2)") == "m.at[n].add(m2)"
