"""Gradients are torch's, where values are equal too, and where the norm is zero."""

from __future__ import annotations

import pytest
from forms_harness import check_gradient

SNIPPETS = [
    # Shapes
    "torch.split(x, [1, 3], dim=2)", "x.expand(2, 2, 3, 4)", "x.flatten(0, 1)", "x.unfold(2, 3, 1)",
    "m.diag_embed()", "torch.cartesian_prod(v, w)", "x.repeat_interleave(2, 1)", "x.roll(1, 2)",
    "x.narrow(1, 1, 2)", "torch.meshgrid(v, w, indexing='ij')", "x.tril()",
    "x.unflatten(2, (2, 2))",
    # Item by item
    "x.abs()", "(x * 0).abs()", "ties.clamp(min=1)", "ties.clamp(0, 1)",
    "pos.sqrt()", "pos.rsqrt()", "x.square()", "pos.log()", "x.sin() * x.cos()",
    "x.pow(2)", "pos.pow(y)", "x.pow(3)", "torch.pow(2, x)", "x.fmod(0.7)",
    "x.remainder(0.7)", "torch.remainder(x, pos)", "torch.fmod(x, pos)", "torch.atan2(x, y)",
    "torch.hypot(x, y)", "torch.logaddexp(x, y)", "x.clamp(-0.5, 0.5)", "x.clamp(y, z)",
    "torch.maximum(x, y)", "torch.minimum(ties, torch.ones_like(ties))", "torch.lerp(x, y, unit)",
    "x.addcdiv(y, pos, value=0.5)", "torch.where(x > 0, x, y)", "torch.erf(x)", "torch.sinc(x)",
    "torch.polar(pos, x).real", "torch.view_as_real(torch.complex(x, y))", "x.nan_to_num()",
    "torch.xlogy(x, pos)", "torch.div(x, y, rounding_mode='floor')", "x.frac()", "x.round()",
    "ties.abs()", "ties.clamp(1, 2)", "x.clamp_max(torch.zeros_like(x))",
    # Reductions
    "x.mean((0, 2))", "x.std(1)", "(ties * 0).std(1)", "torch.std_mean(ties, 2, False)",
    "x.var(dim=1, unbiased=False)", "x.prod(1)", "ties.prod(1)",
    "x.max()", "ties.max()", "ties.amax(1)", "ties.amin((0, 1))", "x.max(1)", "ties.max(1)",
    "ties.min(2).values", "x.logsumexp(1)", "x.cumsum(1)", "x.cumprod(1)", "ties.cumprod(1)",
    "x.cummax(1)", "x.sort(1)", "x.topk(2)", "x.topk(2, largest=False)", "x.kthvalue(2)",
    "x.median(1)", "x.median()", "ties.median()", "x.quantile(0.3, dim=1)", "torch.var_mean(x, 1)",
    "x.norm()", "x.norm(dim=1)", "(x * 0).norm(dim=1)", "x.norm(p=1, dim=1)", "x.norm(p=3, dim=1)",
    "(x * 0).norm(p=3)", "ties.norm(p=1, dim=2)",
    "x.norm(p=float('inf'), dim=2)", "ties.norm(dim=0)",
    # Places
    "x.gather(2, torch.argsort(y)[:1, :2, :3])", "x.scatter(2, torch.argsort(y), z)",
    "x.scatter_add(2, torch.argsort(y) % 2, y)", "x.index_select(1, n)", "m.index_add(1, iv, m2)",
    "x.scatter_reduce(2, torch.argsort(y) % 2, y, 'mean')", "x.masked_fill(b, 0.5)",
    "x.masked_scatter(b, y)",
    "x.scatter_reduce(2, torch.argsort(y) % 2, y, 'amax')", "x.masked_fill(b, s)",
    "x.scatter_reduce(2, torch.argsort(y) % 2, y, 'amax', include_self=False)",
    "x.scatter_reduce(2, torch.argsort(y) % 2, y, 'sum', include_self=False)",
    "x.scatter_reduce(2, torch.argsort(y) % 2, y, 'mean', include_self=False)",
    # Linear algebra
    "x.matmul(m.T)", "torch.einsum('bij,bkj->bik', x, y)", "torch.cdist(m, m2)",
    "torch.cdist(m, m)", "torch.cdist(m, m2, p=1)", "torch.cdist(m, m, p=1)",
    "torch.linalg.inv(spd)",
    "torch.linalg.solve(spd, sq)", "torch.det(sq)", "torch.linalg.cholesky(m.matmul(m.T))",
    "torch.linalg.pinv(m)", "torch.cross(x, y, dim=1)", "torch.fft.rfft(x).abs()",
    "torch.baddbmm(bsq[:2], x, y.mT, beta=0.5, alpha=2)",
]  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_gradient(source: str) -> None:
    check_gradient(source, SNIPPETS)
