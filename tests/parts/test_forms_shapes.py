"""Joining, cutting, turning and repeating give what torch gives."""

from __future__ import annotations

import numpy as np
import pytest
from forms_harness import check, check_on, port_expression, run_jax, unused
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(max_examples=20, deadline=None, derandomize=True)

SNIPPETS = [
    # Joining
    "torch.cat([x, y])", "torch.cat((x, i, b), dim=1)", "torch.concat([x, y], -1)",
    "torch.concatenate([m, m2], dim=0)", "torch.cat([x, y], axis=1)", "torch.cat([i8, u8])",
    "torch.cat([h, m])", "torch.stack([x, y])", "torch.stack((v, w), dim=-1)",
    "torch.stack([i, x], 1)", "torch.hstack([v, w])", "torch.hstack((x, y))",
    "torch.vstack([v, w])", "torch.row_stack([m, m2])", "torch.dstack([m, m2])",
    "torch.dstack([v, w])", "torch.column_stack([v, w])", "torch.column_stack((v, m.T))",
    "torch.block_diag(m, sq)",
    # Cutting
    "torch.split(x, 2, dim=2)", "torch.split(x, 2, 1)", "torch.split(x, [1, 2], dim=1)",
    "torch.split(x, 5)", "x.split(3, dim=-1)", "x.split((1, 1, 2), -1)", "x.split(1)",
    "x.split(split_size=2, dim=2)", "torch.split_with_sizes(x, [1, 3], -1)",
    "x.split_with_sizes([2])", "torch.chunk(x, 2, dim=-1)", "x.chunk(3, 1)", "x.chunk(2)",
    "torch.tensor_split(x, 3, dim=2)", "x.tensor_split([1, 2], dim=2)", "x.tensor_split((1,))",
    "torch.unbind(x)", "x.unbind(-1)", "torch.unbind(x, dim=1)",
    "torch.narrow(x, 1, 1, 2)", "x.narrow(-1, 0, 3)", "x.narrow(2, -2, 2)",
    "x.narrow(dim=2, start=1, length=1)", "torch.select(x, 0, 1)", "x.select(1, -1)",
    "x.select(-1, 2)", "x.select(2, 0)", "x.select(dim=-2, index=1)", "x.unfold(2, 2, 1)",
    "x.unfold(-1, 3, 1)", "x.unfold(dimension=1, size=2, step=1)", "v.unfold(0, 2, 2)",
    # Another shape
    "torch.reshape(x, (6, 4))", "torch.reshape(x, [-1])", "x.reshape(3, -1)", "x.reshape((4, 6))",
    "x.view(-1, 4)", "x.view(x.size(0), -1)", "x.view([24])", "x.view(*x.shape[:1], 12)",
    "x.view_as(i)", "x.reshape_as(b)", "torch.ravel(x)", "x.ravel()", "torch.flatten(x)",
    "x.flatten()", "s.flatten()", "x.flatten(1)", "torch.flatten(x, start_dim=1)",
    "torch.flatten(x, -2)", "x.flatten(0, 1)", "x.flatten(1, 2)", "torch.flatten(x, 0, 2)",
    "one.flatten(2, 3)", "x.flatten(0, -2)", "torch.flatten(x, end_dim=1)", "x.flatten(-3, -2)",
    "torch.unflatten(x, 2, (2, 2))", "x.unflatten(-1, [-1, 2])", "x.unflatten(1, (3, 1))",
    "torch.squeeze(one)", "one.squeeze()", "torch.squeeze(one, 0)", "one.squeeze(-2)",
    "torch.squeeze(one, dim=(0, 2))", "one.squeeze((0, 2))", "one.squeeze_()", "one.squeeze_(0)",
    "torch.unsqueeze(x, 0)", "x.unsqueeze(-1)", "x.unsqueeze(dim=2)", "x.unsqueeze_(-2)",
    "torch.atleast_1d(s)", "torch.atleast_2d(v)", "torch.atleast_3d(v)", "torch.atleast_3d(m)",
    # Turning
    "torch.transpose(x, 0, 1)", "torch.swapaxes(x, -1, -2)", "torch.swapdims(x, 0, 2)",
    "x.transpose(1, 2)", "x.transpose(dim0=0, dim1=-1)", "x.swapaxes(0, 1)", "x.swapdims(1, 0)",
    "m.transpose_(0, 1)", "torch.t(m)", "m.t()", "v.t()", "m.t_()", "torch.adjoint(c)",
    "c.adjoint()", "torch.permute(x, (2, 0, 1))", "torch.permute(x, [0, -1, 1])",
    "x.permute(2, 0, 1)", "x.permute((0, 2, 1))", "x.permute([0, 2, 1])", "x.permute(0, -1, -2)",
    "x.permute(dims=(1, 0, 2))", "torch.movedim(x, 0, 2)", "torch.moveaxis(x, (0, 1), (1, 2))",
    "x.movedim(-1, 0)", "x.moveaxis([0], [1])", "torch.flip(x, (0, 2))", "torch.flip(x, [1])",
    "torch.flip(x, dims=(-1,))", "x.flip(0)", "x.flip(-1, 0)", "x.flip([1, 2])", "x.flip((0,))",
    "torch.fliplr(m)", "m.fliplr()", "torch.flipud(m)", "m.flipud()", "torch.rot90(m)",
    "m.rot90(3)", "torch.rot90(x, 1, [1, 2])", "x.rot90(k=2, dims=(0, 1))", "torch.roll(x, 1)",
    "torch.roll(x, -2, 1)", "x.roll(shifts=(1, 2), dims=(0, 2))", "x.roll([1], [-1])",
    # Repeating
    "one.expand(5, -1, 2, -1)", "one.expand((2, 3, 4, 4))", "v.expand(2, 3, -1)",
    "v.expand([3, 4])", "s.expand(3)", "one.expand(-1, -1, -1, 4)", "v.expand_as(x)",
    "torch.broadcast_to(v, (3, 4))", "v.broadcast_to([2, 4])", "torch.broadcast_tensors(v, x)",
    "torch.broadcast_shapes((2, 1), (3,))", "torch.broadcast_shapes(x.shape, v.shape)",
    "x.repeat(2, 1, 1)", "v.repeat(3)", "v.repeat(2, 2)", "x.repeat([1, 1, 2])",
    "v.repeat((2, 1))", "torch.tile(x, (2, 1))", "x.tile(2, 1, 1, 2)", "v.tile((2,))",
    "torch.repeat_interleave(x, 2)", "x.repeat_interleave(3, dim=1)", "x.repeat_interleave(2, 0)",
    "torch.repeat_interleave(v, iv)", "m.repeat_interleave(n, dim=0)",
    "v.repeat_interleave(iv, output_size=7)", "torch.meshgrid(iv, n)",
    "torch.meshgrid([v, w, e], indexing='ij')", "torch.meshgrid(iv, n, indexing='xy')",
    "torch.meshgrid([v, e])", "torch.cartesian_prod(v, w)", "torch.cartesian_prod(iv, n, iv)",
    "torch.cartesian_prod(v)",
    # Triangles and diagonals
    "torch.tril(x)", "torch.triu(m, diagonal=1)", "x.tril(-1)", "m.triu(2)", "b.tril()",
    "m.tril_(1)", "m.triu_()", "torch.triu(i, 1)", "torch.diag(v)", "torch.diag(m, 1)",
    "m.diag(diagonal=-1)", "v.diag(1)", "torch.diagonal(x)", "x.diagonal(dim1=-2, dim2=-1)",
    "torch.diagonal(x, 1, 0, 2)", "torch.diagonal(x, offset=-1, dim1=1, dim2=2)",
    "torch.diagflat(m)", "v.diagflat(1)", "torch.diag_embed(m)", "e.diag_embed()",
]  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS)


def test_every_form_is_run() -> None:
    assert unused("shapes", SNIPPETS) == []


@few
@given(st.sampled_from([1, 4, 7]), st.integers(1, 8))
def test_split_by_size(length: int, size: int) -> None:
    arrays = {"x": np.arange(2 * length, dtype=np.float32).reshape(2, length)}
    check_on(f"x.split({size}, dim=-1)", arrays)
    check_on(f"torch.tensor_split(x, {size}, dim=1)", arrays)


@few
@given(st.lists(st.integers(0, 4), min_size=1, max_size=3).filter(lambda sizes: sum(sizes) <= 6))
def test_split_by_sizes(sizes: list[int]) -> None:
    arrays = {"x": np.arange(12, dtype=np.int32).reshape(6, 2)}
    check_on(f"torch.split(x, {[*sizes, 6 - sum(sizes)]})", arrays)


@few
@given(st.integers(1, 5), st.integers(1, 3))
def test_windows(size: int, step: int) -> None:
    arrays = {"x": np.arange(10, dtype=np.float32).reshape(5, 2)}
    check_on(f"x.unfold(0, {size}, {step})", arrays)


@few
@given(st.integers(-3, 2), st.integers(-3, 2))
def test_flatten_of_any_dimensions(start: int, end: int) -> None:
    if start % 3 <= end % 3:
        check(f"x.flatten({start}, {end})")


@few
@given(st.sampled_from([(2, 3, 4), (-1, 3, 4), (5, 2, 3, 4), (5, -1, -1, -1), (1, -1, 3, -1)]))
def test_expand(sizes: tuple[int, ...]) -> None:
    check(f"x.expand({', '.join(map(str, sizes))})")


@pytest.mark.parametrize("source", ["x.squeeze(1)", "torch.chunk(x, 3, dim=2)"])
def test_what_torch_does_otherwise_raises(source: str) -> None:
    with pytest.raises(ValueError, match=r"size not equal to one|equal division"):
        run_jax(port_expression(source))


def test_sizes_that_do_not_add_up_raise() -> None:
    with pytest.raises(ValueError, match="do not add up to 4"):
        run_jax(port_expression("x.split([1, 2], dim=2)"))


def test_idiom() -> None:
    assert port_expression("torch.cat([x, y], dim=1)") == "jnp.concatenate([x, y], axis=1)"
    assert port_expression("x.transpose(1, 2).contiguous().view(2, -1)") == (
        "x.swapaxes(1, 2).reshape(2, -1)"
    )
    assert port_expression("x.permute(0, 2, 1).flatten(1)") == (
        "jax.lax.collapse(x.transpose(0, 2, 1), 1)"
    )
