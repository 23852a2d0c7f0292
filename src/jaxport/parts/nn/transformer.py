"""Transformers."""

# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from jaxport.parts.functional.attention import generate_square_subsequent_mask
from jaxport.parts.nn.attention import MultiheadAttention
from jaxport.parts.nn.dropout import Dropout
from jaxport.parts.nn.linear import Linear
from jaxport.parts.nn.norm import LayerNorm


def _transformer_activation(x: jax.Array, activation: str) -> jax.Array:
    """ReLU, or the exact GELU."""
    return jax.nn.relu(x) if activation == "relu" else jax.nn.gelu(x, approximate=False)


def _copies(layer: nnx.Module, count: int, rngs: nnx.Rngs) -> nnx.List:
    """`count` layers with the values of `layer`, each with random numbers of its own."""
    layers = [nnx.clone(layer) for _ in range(count)]
    for copy in layers:
        for _, node in nnx.iter_graph(copy):
            if isinstance(node, nnx.RngStream):
                node.key[...] = rngs.dropout()
    return nnx.List(layers)


class TransformerEncoderLayer(nnx.Module):
    """`torch.nn.TransformerEncoderLayer`, with "relu" or "gelu" as its activation.

    Raises:
        ValueError: `activation` is something else.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Literal["relu", "gelu"] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        if activation not in ("relu", "gelu"):
            raise ValueError(f"activation must be 'relu' or 'gelu', not {activation!r}")
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, rngs=rngs
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, rngs=rngs)
        self.dropout = Dropout(dropout, rngs=rngs)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rngs=rngs)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout1 = Dropout(dropout, rngs=rngs)
        self.dropout2 = Dropout(dropout, rngs=rngs)
        self.activation = activation

    def __call__(
        self,
        src: jax.Array,
        src_mask: jax.Array | None = None,
        src_key_padding_mask: jax.Array | None = None,
        is_causal: bool = False,
    ) -> jax.Array:
        """A sequence of the shape of `src`; masks are those of `MultiheadAttention`."""

        def attend(x: jax.Array) -> jax.Array:
            attended, _ = self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask,
                is_causal=is_causal,
            )  # fmt: skip
            return self.dropout1(attended)

        if self.norm_first:
            x = src + attend(self.norm1(src))
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(src + attend(src))
        return self.norm2(x + self._feed_forward(x))

    def _feed_forward(self, x: jax.Array) -> jax.Array:
        hidden = _transformer_activation(self.linear1(x), self.activation)
        return self.dropout2(self.linear2(self.dropout(hidden)))


class TransformerDecoderLayer(nnx.Module):
    """`torch.nn.TransformerDecoderLayer`, with "relu" or "gelu" as its activation.

    Raises:
        ValueError: `activation` is something else.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Literal["relu", "gelu"] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        if activation not in ("relu", "gelu"):
            raise ValueError(f"activation must be 'relu' or 'gelu', not {activation!r}")
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, rngs=rngs
        )
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, rngs=rngs
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, rngs=rngs)
        self.dropout = Dropout(dropout, rngs=rngs)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rngs=rngs)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout1 = Dropout(dropout, rngs=rngs)
        self.dropout2 = Dropout(dropout, rngs=rngs)
        self.dropout3 = Dropout(dropout, rngs=rngs)
        self.activation = activation

    def __call__(
        self,
        tgt: jax.Array,
        memory: jax.Array,
        tgt_mask: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        tgt_key_padding_mask: jax.Array | None = None,
        memory_key_padding_mask: jax.Array | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        """A sequence of the shape of `tgt`; masks are those of `MultiheadAttention`."""

        def attend(x: jax.Array) -> jax.Array:
            attended, _ = self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask,
                is_causal=tgt_is_causal,
            )  # fmt: skip
            return self.dropout1(attended)

        def attend_to_memory(x: jax.Array) -> jax.Array:
            attended, _ = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, need_weights=False,
                attn_mask=memory_mask, is_causal=memory_is_causal,
            )  # fmt: skip
            return self.dropout2(attended)

        if self.norm_first:
            x = tgt + attend(self.norm1(tgt))
            x = x + attend_to_memory(self.norm2(x))
            return x + self._feed_forward(self.norm3(x))
        x = self.norm1(tgt + attend(tgt))
        x = self.norm2(x + attend_to_memory(x))
        return self.norm3(x + self._feed_forward(x))

    def _feed_forward(self, x: jax.Array) -> jax.Array:
        hidden = _transformer_activation(self.linear1(x), self.activation)
        return self.dropout3(self.linear2(self.dropout(hidden)))


class TransformerEncoder(nnx.Module):
    """`torch.nn.TransformerEncoder`: copies of a layer, one after the other, and a norm.

    In evaluation padded places leave the last layer as zeros where torch packs sequences into
    nested tensors: they follow what counts, no other mask is given, and `enable_nested_tensor` is
    true. Torch does so only while it records no gradients.
    """

    def __init__(
        self,
        encoder_layer: nnx.Module,
        num_layers: int,
        norm: nnx.Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.layers = _copies(encoder_layer, num_layers, rngs)
        self.num_layers = num_layers
        self.norm = norm
        self.use_nested_tensor = (
            enable_nested_tensor
            and isinstance(encoder_layer, TransformerEncoderLayer)
            and not encoder_layer.norm_first
            and encoder_layer.self_attn.batch_first
            and encoder_layer.self_attn.in_proj_bias is not None
            and encoder_layer.self_attn.num_heads % 2 == 0
        )
        self.mask_check = mask_check

    def __call__(
        self,
        src: jax.Array,
        mask: jax.Array | None = None,
        src_key_padding_mask: jax.Array | None = None,
        is_causal: bool | None = None,
    ) -> jax.Array:
        """A sequence of the shape of `src`; masks are those of `MultiheadAttention`."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        if (
            self.use_nested_tensor
            and src.ndim == 3
            and mask is None
            and src_key_padding_mask is not None
            and self.layers[0].dropout.deterministic
        ):
            padded = src_key_padding_mask != 0
            last = jnp.all(padded[:, 1:] >= padded[:, :-1]) if self.mask_check else True
            x = jnp.where(padded[..., None] & last, 0, x)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(nnx.Module):
    """`torch.nn.TransformerDecoder`: copies of a layer, one after the other, and a norm."""

    def __init__(
        self,
        decoder_layer: nnx.Module,
        num_layers: int,
        norm: nnx.Module | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.layers = _copies(decoder_layer, num_layers, rngs)
        self.num_layers = num_layers
        self.norm = norm

    def __call__(
        self,
        tgt: jax.Array,
        memory: jax.Array,
        tgt_mask: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        tgt_key_padding_mask: jax.Array | None = None,
        memory_key_padding_mask: jax.Array | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        """A sequence of the shape of `tgt`; masks are those of `MultiheadAttention`."""
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                bool(tgt_is_causal), memory_is_causal,
            )  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(nnx.Module):
    """`torch.nn.Transformer`: an encoder and a decoder, all matrices Xavier uniform."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Literal["relu", "gelu"] = "relu",
        *,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        rngs: nnx.Rngs,
    ) -> None:
        encoder_layer = TransformerEncoderLayer(
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, rngs=rngs,
        )  # fmt: skip
        decoder_layer = TransformerDecoderLayer(
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, rngs=rngs,
        )  # fmt: skip
        encoder_norm = LayerNorm(d_model, layer_norm_eps, bias=bias)
        decoder_norm = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.encoder = TransformerEncoder(
            encoder_layer, num_encoder_layers, encoder_norm, rngs=rngs
        )
        self.decoder = TransformerDecoder(
            decoder_layer, num_decoder_layers, decoder_norm, rngs=rngs
        )
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        xavier = nnx.initializers.xavier_uniform()
        for _, node in nnx.iter_graph(self):
            if isinstance(node, nnx.Param) and node.ndim > 1:
                node[...] = xavier(rngs.params(), node.shape)

    def __call__(
        self,
        src: jax.Array,
        tgt: jax.Array,
        src_mask: jax.Array | None = None,
        tgt_mask: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        src_key_padding_mask: jax.Array | None = None,
        tgt_key_padding_mask: jax.Array | None = None,
        memory_key_padding_mask: jax.Array | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        """A sequence of the shape of `tgt`; masks are those of `MultiheadAttention`."""
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
            tgt_is_causal, memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int) -> jax.Array:
        """The causal mask, (`sz`, `sz`)."""
        return generate_square_subsequent_mask(sz)
