"""Attention, with torch's layout of heads: (N, H, L, E)."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxport.parts.functional.dropout import dropout


def _softmax_or_zeros(scores: jax.Array) -> jax.Array:
    """Softmax along the last axis, zeros where every score is -inf."""
    hidden = jnp.isneginf(scores).all(-1, keepdims=True)
    return jnp.where(hidden, 0, jax.nn.softmax(jnp.where(hidden, 0, scores), axis=-1))


def scaled_dot_product_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    attn_mask: jax.Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    dropout_key: jax.Array | None = None,
) -> jax.Array:
    """Torch's attention; `jax.nn.dot_product_attention` has the heads after the length.

    Args:
        query: (…, H, L, E), or (…, L, E).
        key: (…, H, S, E), or (…, S, E).
        value: (…, H, S, V), or (…, S, V).
        attn_mask: true where a query may look at a key, or numbers that are added to the scores;
            of a shape that broadcasts to (…, L, S). A query that may look at nothing gives zeros.
        dropout_p: the probability that a weight is dropped.
        is_causal: whether query i may look at no key after the i-th.
        scale: the factor of the scores, 1 / sqrt(E) by default.
        enable_gqa: whether each head of `key` and `value` serves several heads of `query`.
        dropout_key: a PRNG key, needed if `dropout_p` is above 0.

    Raises:
        ValueError: there is `attn_mask` with `is_causal`, or dropout without its key.
    """
    if is_causal and attn_mask is not None:
        raise ValueError("attn_mask and is_causal exclude each other")
    if dropout_p > 0 and dropout_key is None:
        raise ValueError("dropout_p is above 0 and there is no dropout_key")
    if enable_gqa:
        key = jnp.repeat(key, query.shape[-3] // key.shape[-3], axis=-3)
        value = jnp.repeat(value, query.shape[-3] // value.shape[-3], axis=-3)
    scores = query @ key.swapaxes(-2, -1)
    scores *= 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if is_causal:
        attn_mask = jnp.tri(scores.shape[-2], scores.shape[-1], dtype=bool)
    if attn_mask is None:
        weights = jax.nn.softmax(scores, axis=-1)
    elif attn_mask.dtype == bool:
        weights = _softmax_or_zeros(jnp.where(attn_mask, scores, -jnp.inf))
    else:
        weights = _softmax_or_zeros(scores + attn_mask)
    if dropout_key is not None:
        weights = dropout(weights, dropout_p, training=True, key=dropout_key)
    return weights @ value


def generate_square_subsequent_mask(sz: int) -> jax.Array:
    """The causal mask of `torch.nn.Transformer`, (`sz`, `sz`): -inf above the diagonal, else 0."""
    return jnp.triu(jnp.full((sz, sz), -jnp.inf), 1)
