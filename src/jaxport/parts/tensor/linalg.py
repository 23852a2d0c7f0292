"""Linear algebra and signals: where torch's rules are not NumPy's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxport.parts.tensor.reductions import vector_norm


def cdist(x1: jax.Array, x2: jax.Array, p: float = 2.0) -> jax.Array:
    """`torch.cdist`: distances of all rows of (..., n, d) to all of (..., m, d): (..., n, m)."""
    return vector_norm(x1[..., :, None, :] - x2[..., None, :, :], p, -1)


def solve(a: jax.Array, b: jax.Array) -> jax.Array:
    """`torch.linalg.solve`: as `jnp.linalg.solve`, but `b` can be a batch of vectors."""
    if b.ndim == 1 or b.shape == a.shape[:-1]:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


def pinv(a: jax.Array, rtol: float | None = None) -> jax.Array:
    """`torch.linalg.pinv`: as `jnp.linalg.pinv`, where torch sets its smallest singular value."""
    limit = max(a.shape[-2:]) * jnp.finfo(a.dtype).eps
    return jnp.linalg.pinv(a, rtol=limit if rtol is None else rtol)


def cosine_window(length: int, weights: Sequence[float], periodic: bool = True) -> jax.Array:
    """A sum of cosines over (length,) that is used as a window: Hann's, Hamming's, Blackman's.

    `weights` are those of 0, 1, … turns, with alternating signs. A symmetric window ends where it
    starts, a periodic one just before.
    """
    if length == 1:
        return jnp.ones(1)
    turn = 2 * math.pi * jnp.arange(length) / (length if periodic else length - 1)
    return sum(
        ((-1) ** k * weight * jnp.cos(k * turn) for k, weight in enumerate(weights)),
        start=jnp.zeros(length),
    )


def stft(
    x: jax.Array,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: jax.Array | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool = True,
) -> jax.Array:
    """`torch.stft` of a real (..., time): complex (..., frequencies, frames)."""
    hop = hop_length or n_fft // 4
    width = win_length or n_fft
    window = jnp.ones(width, x.dtype) if window is None else window
    left = (n_fft - width) // 2
    window = jnp.pad(window, (left, n_fft - width - left))
    if center:
        around = [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)]
        x = jnp.pad(x, around, mode=pad_mode)
    starts = jnp.arange(0, x.shape[-1] - n_fft + 1, hop)
    frames = x[..., starts[:, None] + jnp.arange(n_fft)] * window
    transform = jnp.fft.rfft if onesided else jnp.fft.fft
    spectrum = transform(frames, norm="ortho" if normalized else None)
    return jnp.swapaxes(spectrum, -1, -2)
