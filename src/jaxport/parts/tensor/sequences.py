"""Batches of sequences of different lengths."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def pad_sequence(
    sequences: Sequence[jax.Array],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> jax.Array:
    """`torch.nn.utils.rnn.pad_sequence`: arrays (length, ...) as one, (longest, batch, ...)."""
    if padding_side not in ("left", "right"):
        raise ValueError(f"padding_side must be 'left' or 'right', not {padding_side!r}")
    longest = max(len(sequence) for sequence in sequences)
    padded = []
    for sequence in sequences:
        missing = longest - len(sequence)
        sides = (0, missing) if padding_side == "right" else (missing, 0)
        widths = [sides, *[(0, 0)] * (sequence.ndim - 1)]
        padded.append(jnp.pad(sequence, widths, constant_values=padding_value))
    return jnp.stack(padded, axis=0 if batch_first else 1)
