"""Products, linear algebra and Fourier transforms give what torch gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forms_harness import ARRAYS, check, check_on, port_expression, run_jax, run_torch, unused

_FFT = (
    "torch.fft.{}(x)", "torch.fft.{}(x, 6)", "torch.fft.{}(x, n=3, dim=1)",
    "torch.fft.{}(x, dim=0, norm='ortho')", "torch.fft.{}(x, norm='forward')",
)  # fmt: skip
_FFT2 = (
    "torch.fft.{}(x)", "torch.fft.{}(x, (2, 4))", "torch.fft.{}(x, dim=(0, 1))",
    "torch.fft.{}(x, s=(3, 2), dim=(1, 2), norm='ortho')",
)  # fmt: skip

SNIPPETS = [
    # Products
    "torch.matmul(x, m.T)", "m.matmul(v)", "torch.matmul(v, w)", "x.matmul(y.transpose(1, 2))",
    "torch.matmul(i, j.transpose(1, 2))", "torch.mm(m, m2.t())", "m.mm(m2.T)",
    "torch.bmm(x, y.transpose(-1, -2))", "x.bmm(y.mT)", "torch.mv(m, v)", "m.mv(v)",
    "torch.dot(v, w)", "v.dot(w)", "torch.outer(v, w)", "v.ger(w)", "v.outer(iv)",
    "torch.inner(m, m2)", "v.inner(w)", "torch.vdot(v, w)", "torch.kron(m, sq)", "v.kron(w)",
    "torch.tensordot(x, y, dims=([1, 2], [1, 2]))", "torch.tensordot(x, m, 2)",
    "torch.tensordot(m, m2.T, dims=1)", "torch.einsum('bij,bkj->bik', x, y)",
    "torch.einsum('i,j->ij', [v, w])", "torch.einsum('...ij,kj->...ik', x, m)",
    "torch.einsum('b i j -> b j i', x)", "torch.einsum('ij,jk', m, m2.T)",
    "torch.einsum('bij,bij->b', x, y[:, :1])", "torch.einsum('ii->i', sq)",
    "torch.addmm(sq, m, m2.T)", "sq.addmm(m, m2.T, beta=0.5, alpha=2)",
    "torch.addmm(sq, m, m2.T, beta=0)", "sq.addmm_(m, m2.T)",
    "torch.addmm(v[:3], m, m2.T, alpha=3)", "torch.baddbmm(bsq[:2], x, y.mT)",
    "bsq[:2].baddbmm(x, y.mT, beta=0.1, alpha=0.2)",
    "torch.baddbmm(bsq[:2], x, y.mT, beta=0, alpha=0.125)", "torch.addmv(v[:3], m, w)",
    "v[:3].addmv(m, w, alpha=2)", "torch.addmv(v[:3], m, w, beta=0)", "torch.addbmm(sq, x, y.mT)",
    "sq.addbmm(x, y.mT, beta=2)", "sq.addbmm(x, y.mT, beta=0, alpha=3)", "torch.addr(m, v[:3], w)",
    "m.addr(v[:3], w, beta=0.5, alpha=2)", "m.addr_(v[:3], w, beta=0)",
    "torch.cross(x, y, dim=1)", "x.cross(y, dim=1)", "torch.linalg.cross(bsq, bsq.mT)",
    "torch.linalg.cross(x, y, dim=1)", "torch.linalg.vecdot(x, y)",
    "torch.linalg.vecdot(x, y, dim=1)", "torch.linalg.multi_dot([m, m2.T, sq])",
    "torch.cdist(x, y)", "torch.cdist(m, m2, p=1)", "torch.cdist(x, m, 3.0)",
    "torch.cdist(m, m2, p=float('inf'))", "torch.trace(m)", "sq.trace()",
    # Linear algebra
    "torch.inverse(spd)", "spd.inverse()", "torch.linalg.inv(bsq)", "torch.linalg.pinv(m)",
    "m.pinverse()", "torch.linalg.pinv(torch.outer(v, w))", "torch.linalg.solve(spd, sq)",
    "torch.linalg.solve(spd, v[:3])", "torch.linalg.solve(bsq, sq)",
    "torch.linalg.solve(bsq, bsq.mT)", "torch.linalg.solve(bsq, m[:, :3])",
    "torch.linalg.solve_triangular(torch.triu(spd), m, upper=True)",
    "torch.linalg.solve_triangular(torch.tril(spd), sq, upper=False, unitriangular=True)",
    "torch.linalg.solve_triangular(torch.tril(bsq), bsq, upper=False)",
    "torch.det(sq)", "bsq.det()", "torch.linalg.det(spd)", "torch.slogdet(sq)", "bsq.slogdet()",
    "torch.linalg.slogdet(spd)", "torch.cholesky(spd)", "spd.cholesky()",
    "torch.linalg.cholesky(torch.tril(spd) + torch.triu(sq, 1))", "torch.linalg.eigvalsh(spd)",
    "torch.linalg.eigvalsh(sq)", "torch.linalg.eigh(spd)[0]", "torch.linalg.svdvals(m)",
    "torch.linalg.svd(m).S", "torch.linalg.svd(x, full_matrices=False)[1]",
    "torch.linalg.qr(m).R.abs()", "torch.qr(m)[0].abs()", "m.qr()[0].abs()",
    "torch.matrix_power(sq, 3)", "sq.matrix_power(0)", "torch.linalg.matrix_power(spd, -2)",
    "torch.matrix_exp(sq)", "sq.matrix_exp()", "torch.linalg.matrix_exp(bsq)",
    # Fourier transforms
    *(source.format(name) for name in ("fft", "ifft", "hfft") for source in _FFT),
    *(source.format(name) for name in ("rfft", "ihfft", "irfft") for source in _FFT),
    *(source.format(f"{name}2") for name in ("fft", "ifft", "rfft", "irfft") for source in _FFT2),
    *(source.format(f"{name}n") for name in ("fft", "ifft", "rfft", "irfft") for source in _FFT2),
    "torch.fft.fft(c)", "torch.fft.fft(i)", "torch.fft.irfft(torch.fft.rfft(x), n=4)",
    "torch.fft.fftshift(x)", "torch.fft.fftshift(x, dim=1)", "torch.fft.ifftshift(x, (1, 2))",
    "torch.fft.ifftshift(v)", "torch.fft.fftfreq(7)", "torch.fft.fftfreq(6, d=0.5)",
    "torch.fft.rfftfreq(8, 2.0)",
    "torch.stft(one.expand(2, 3, 4, 4).reshape(2, 48), 8, return_complex=True)",
    "x.reshape(2, 12).stft(8, 3, 6, window=torch.hann_window(6), return_complex=True)",
    "torch.stft(e[3:], n_fft=4, hop_length=2, center=False, normalized=True, return_complex=True)",
    "torch.stft(e[3:], 4, onesided=False, pad_mode='constant', return_complex=True)",
]  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS, rtol=1e-4, atol=2e-5)


def test_every_form_is_run() -> None:
    assert unused("linalg", SNIPPETS) == []


@pytest.mark.parametrize("name", ["m", "x", "bsq"])
def test_factors_make_up_the_matrix(name: str) -> None:
    whole = ARRAYS[name]
    u, s, vh = run_jax(port_expression(f"torch.linalg.svd({name}, full_matrices=False)"))
    np.testing.assert_allclose((u * s[..., None, :]) @ vh, whole, atol=1e-5)
    full = run_jax(port_expression(f"torch.linalg.svd({name})"))
    assert [item.shape for item in full] == [
        tuple(item.shape) for item in run_torch(f"torch.linalg.svd({name})")
    ]
    q, r = run_jax(port_expression(f"torch.linalg.qr({name})"))
    np.testing.assert_allclose(q @ r, whole, atol=1e-5)


def test_eigenvectors_belong_to_the_lower_triangle() -> None:
    values, vectors = run_jax(port_expression("torch.linalg.eigh(sq)"))
    lower = np.tril(ARRAYS["sq"])
    whole = lower + np.tril(lower, -1).T
    np.testing.assert_allclose((vectors * values) @ vectors.T, whole, atol=1e-5)


def test_what_beta_zero_leaves_out_does_not_matter() -> None:
    arrays: dict[str, Any] = {"m": np.full((2, 2), np.nan, np.float32),
                              "a": np.eye(2, dtype=np.float32)}  # fmt: skip
    check_on("torch.addmm(m, a, a, beta=0, alpha=2)", arrays)


def test_a_small_singular_value_is_cut_where_torch_cuts() -> None:
    for small in (3e-7, 5e-7, 3e-6):
        check_on("torch.linalg.pinv(m)", {"m": np.diag([1.0, small, 0.5]).astype(np.float32)})


def test_precision_is_full() -> None:
    large = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64) + 1e-3
    check_on("torch.matmul(a, a)", {"a": large})
