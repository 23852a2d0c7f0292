"""Attention layers."""

# mypy: allow-subclassing-any

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx

from jaxport.parts.functional.attention import _softmax_or_zeros
from jaxport.parts.nn.dropout import Dropout
from jaxport.parts.nn.linear import Linear


class MultiheadAttention(nnx.Module):
    """`torch.nn.MultiheadAttention`, with torch's variables and layouts.

    In contrast to `nnx.MultiHeadAttention` the three input projections are one variable
    (`in_proj_weight`, (3 E, E)) unless keys or values have a size of their own, the sequence is the
    first axis unless `batch_first`, masks are true where attention is *not* allowed, and the
    weights are returned as well.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} can't be divided into {num_heads} heads")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.batch_first = batch_first
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        xavier = nnx.initializers.xavier_uniform(in_axis=1, out_axis=0)
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = nnx.Param(xavier(rngs.params(), (3 * embed_dim, embed_dim)))
        else:
            self.in_proj_weight = None
            self.q_proj_weight = nnx.Param(xavier(rngs.params(), (embed_dim, embed_dim)))
            self.k_proj_weight = nnx.Param(xavier(rngs.params(), (embed_dim, self.kdim)))
            self.v_proj_weight = nnx.Param(xavier(rngs.params(), (embed_dim, self.vdim)))
        self.in_proj_bias = nnx.Param(jnp.zeros(3 * embed_dim)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rngs=rngs)
        if bias:
            self.out_proj.bias[...] = jnp.zeros(embed_dim)
        self.dropout = Dropout(dropout, rngs=rngs)

    def __call__(
        self,
        query: jax.Array,
        key: jax.Array,
        value: jax.Array,
        key_padding_mask: jax.Array | None = None,
        need_weights: bool = True,
        attn_mask: jax.Array | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[jax.Array, jax.Array | None]:
        """The attended values and the weights.

        Args:
            query: (L, N, E), (N, L, E) with `batch_first`, or (L, E).
            key: the same with S for L and `kdim` for E.
            value: the same with S for L and `vdim` for E.
            key_padding_mask: true at keys that don't count, (N, S) or (S,); or numbers that are
                added to the scores.
            need_weights: whether the weights are returned; None takes their place if not.
            attn_mask: true where a query may not look at a key, (L, S) or (N H, L, S); or numbers
                that are added to the scores.
            average_attn_weights: whether the weights are (N, L, S), not (N, H, L, S).
            is_causal: says that `attn_mask` is causal, and does nothing else.

        Returns:
            Values of the shape of `query`; weights, without N where the input has none. A query
            that may look at nothing gives NaN with `need_weights`, and attends to zeros without.

        Raises:
            ValueError: `is_causal` without `attn_mask`.
        """
        if is_causal and attn_mask is None:
            raise ValueError("is_causal needs attn_mask")
        batched = query.ndim == 3
        if not batched:
            query, key, value = query[None], key[None], value[None]
        elif not self.batch_first:
            query, key, value = (x.swapaxes(0, 1) for x in (query, key, value))

        queries, keys, values = self._heads(query, key, value)
        scores = queries @ keys.swapaxes(-2, -1) / math.sqrt(self.head_dim)
        if attn_mask is not None:
            mask = _added(attn_mask)
            scores += mask if mask.ndim == 2 else mask.reshape(scores.shape)
        if key_padding_mask is not None:
            scores += jnp.atleast_2d(_added(key_padding_mask))[:, None, None]
        weights = jax.nn.softmax(scores, axis=-1) if need_weights else _softmax_or_zeros(scores)
        weights = self.dropout(weights)
        attended = (weights @ values).swapaxes(1, 2).reshape(*query.shape[:2], self.embed_dim)
        output = self.out_proj(attended)

        if not batched:
            output = output[0]
        elif not self.batch_first:
            output = output.swapaxes(0, 1)
        if not need_weights:
            return output, None
        if average_attn_weights:
            weights = weights.mean(1)
        return output, weights if batched else weights[0]

    def _heads(self, *inputs: jax.Array) -> list[jax.Array]:
        """Queries, keys and values after their projection: (N, L, E) to (N, H, L, E / H)."""
        if self.in_proj_weight is None:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        else:
            weights = jnp.split(self.in_proj_weight[...], 3)
        projected = [x @ weight.T for x, weight in zip(inputs, weights, strict=True)]
        if self.in_proj_bias is not None:
            biases = jnp.split(self.in_proj_bias[...], 3)
            projected = [x + bias for x, bias in zip(projected, biases, strict=True)]
        return [
            x.reshape(*x.shape[:2], self.num_heads, self.head_dim).swapaxes(1, 2) for x in projected
        ]


def _added(mask: jax.Array) -> jax.Array:
    """What a mask adds to the scores: -inf where it is true, or its numbers."""
    return jnp.where(mask, -jnp.inf, 0.0) if mask.dtype == bool else mask
