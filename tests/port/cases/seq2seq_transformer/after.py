"""An encoder and a decoder that learn to write a sequence of numbers backwards."""
import math
from typing import List
import functools
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


def _reduce(losses: jax.Array, reduction: str) -> jax.Array:
    """The mean or the sum of `losses`, or `losses` itself for "none"."""
    match reduction:
        case "mean":
            return losses.mean()
        case "sum":
            return losses.sum()
        case "none":
            return losses
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def _class_loss(
    log_probabilities: jax.Array,
    target: jax.Array,
    weight: jax.Array | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> jax.Array:
    """The cross entropy of (…, C) with classes (…); the rest as for `cross_entropy`."""
    classes = log_probabilities.shape[-1]
    counts = target != ignore_index
    index = jnp.where(counts, target, 0)
    # A negative index would count from the end: one beyond the end is filled with NaN instead.
    places = jnp.where(index < 0, classes, index)[..., None]
    losses = -jnp.take_along_axis(log_probabilities, places, -1, mode="fill").squeeze(-1)
    share = jnp.ones_like(losses)
    if weight is not None:
        share = weight[index]
        losses *= share
        log_probabilities *= weight
    if label_smoothing > 0:
        smooth = -log_probabilities.sum(-1) / classes
        losses = (1 - label_smoothing) * losses + label_smoothing * smooth
    losses = jnp.where(counts, losses, 0)
    if reduction == "mean":
        return losses.sum() / jnp.where(counts, share, 0).sum()
    return _reduce(losses, reduction)


def _classes_last(x: jax.Array) -> jax.Array:
    """(C,), (N, C) or (N, C, …) with the axis of the classes moved to the end."""
    return jnp.moveaxis(x, min(1, x.ndim - 1), -1)


def cross_entropy(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    ignore_index: int = -100,
    reduction: Literal["mean", "sum", "none"] = "mean",
    label_smoothing: float = 0.0,
) -> jax.Array:
    """The cross entropy between the logits `input` and `target`.

    Args:
        input: logits, (C,), (N, C) or (N, C, …).
        target: classes, as for `nll_loss`, or probabilities, of the shape of `input`.
        weight: a factor for each class, (C,); with classes the mean is the weighted one.
        ignore_index: the class that does not count; without effect on probabilities.
        reduction: see above.
        label_smoothing: the share of the probability that is spread over all classes.
    """
    log_probabilities = jax.nn.log_softmax(_classes_last(input), axis=-1)
    if input.shape != target.shape:
        return _class_loss(
            log_probabilities, target, weight, ignore_index, reduction, label_smoothing
        )
    evenly = label_smoothing / log_probabilities.shape[-1]
    probabilities = _classes_last(target) * (1 - label_smoothing) + evenly
    if weight is not None:
        probabilities *= weight
    return _reduce(-(log_probabilities * probabilities).sum(-1), reduction)


class CrossEntropyLoss(nnx.Module):
    """`torch.nn.CrossEntropyLoss`: of logits, with classes or probabilities as targets."""

    def __init__(
        self,
        weight: jax.Array | None = None,
        *,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.weight = None if weight is None else nnx.BatchStat(weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        weight = None if self.weight is None else self.weight[...]
        return cross_entropy(
            input, target, weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class Dropout(nnx.Dropout):
    """`torch.nn.Dropout`: an `nnx.Dropout` with torch's arguments, 0.5 as the default."""

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rngs: nnx.Rngs) -> None:
        super().__init__(p, rngs=rngs)


class Embedding(nnx.Embed):
    """`torch.nn.Embedding`: an `nnx.Embed` with standard normal vectors.

    The vector at `padding_idx` starts as zeros, and looking it up gives it no gradient.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, embedding_init=nnx.initializers.normal(1.0), rngs=rngs
        )
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"padding_idx {padding_idx} is not one of {num_embeddings}")
            padding_idx %= num_embeddings
            self.embedding[...] = self.embedding[...].at[padding_idx].set(0.0)
        self.padding_idx = padding_idx

    @property
    def weight(self) -> jax.Array:
        """The embedding, (num_embeddings, embedding_dim)."""
        return self.embedding[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.embedding[...] = value

    def __call__(self, inputs: jax.Array) -> jax.Array:
        vectors = super().__call__(inputs)
        if self.padding_idx is None:
            return vectors
        padding = (inputs == self.padding_idx)[..., None]
        return jnp.where(padding, jax.lax.stop_gradient(vectors), vectors)


class Linear(nnx.Linear):
    """`torch.nn.Linear`: an `nnx.Linear` that starts from torch's values.

    Kernel, (in, out), and bias are uniform within ±1/sqrt(in).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        bound = 1 / math.sqrt(in_features)
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        super().__init__(
            in_features,
            out_features,
            use_bias=bias,
            kernel_init=uniform,
            bias_init=uniform,
            rngs=rngs,
        )

    @property
    def weight(self) -> jax.Array:
        """The kernel in torch's layout, (out, in)."""
        return self.kernel[...].T

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.kernel[...] = value.T


def _copies(layer: nnx.Module, count: int, rngs: nnx.Rngs) -> nnx.List:
    """`count` layers with the values of `layer`, each with random numbers of its own."""
    layers = [nnx.clone(layer) for _ in range(count)]
    for copy in layers:
        for _, node in nnx.iter_graph(copy):
            if isinstance(node, nnx.RngStream):
                node.key[...] = rngs.dropout()
    return nnx.List(layers)


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


class LayerNorm(nnx.LayerNorm):
    """`torch.nn.LayerNorm`: an `nnx.LayerNorm` over the last dimensions, those of the shape given.

    Scale and bias are flat; torch's eps, and the exact variance instead of nnx's fast one.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        axes = tuple(range(-len(self.normalized_shape), 0))
        super().__init__(
            math.prod(self.normalized_shape),
            epsilon=eps,
            use_scale=elementwise_affine,
            use_bias=elementwise_affine and bias,
            reduction_axes=axes,
            feature_axes=axes,
            use_fast_variance=False,
            rngs=nnx.Rngs(0),
        )

    @property
    def weight(self) -> jax.Array:
        """The scale in torch's shape, that of the normalized dimensions."""
        return self.scale[...].reshape(self.normalized_shape)

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.scale[...] = value.reshape(-1)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return super().__call__(inputs)


def _added(mask: jax.Array) -> jax.Array:
    """What a mask adds to the scores: -inf where it is true, or its numbers."""
    return jnp.where(mask, -jnp.inf, 0.0) if mask.dtype == bool else mask


def _softmax_or_zeros(scores: jax.Array) -> jax.Array:
    """Softmax along the last axis, zeros where every score is -inf."""
    hidden = jnp.isneginf(scores).all(-1, keepdims=True)
    return jnp.where(hidden, 0, jax.nn.softmax(jnp.where(hidden, 0, scores), axis=-1))


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


def _transformer_activation(x: jax.Array, activation: str) -> jax.Array:
    """ReLU, or the exact GELU."""
    return jax.nn.relu(x) if activation == "relu" else jax.nn.gelu(x, approximate=False)


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


def init_fans(x: jax.Array) -> tuple[int, int]:
    """How many inputs an output of weights like `x` has, and how many outputs an input.

    Raises:
        ValueError: `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError("weights with less than two axes have no fans")
    field = math.prod(x.shape[2:])
    return x.shape[1] * field, x.shape[0] * field


def init_uniform(key: jax.Array, x: jax.Array, a: float = 0.0, b: float = 1.0) -> jax.Array:
    """Values like `x`, uniform from `a` to `b`."""
    return jax.random.uniform(key, x.shape, x.dtype, a, b)


def init_xavier_uniform(key: jax.Array, x: jax.Array, gain: float = 1.0) -> jax.Array:
    """Values like `x`, uniform with the standard deviation of `init_xavier_normal`."""
    bound = gain * math.sqrt(6 / sum(init_fans(x)))
    return init_uniform(key, x, -bound, bound)


class ValuesAndIndices(NamedTuple):
    """What torch gives for `max(dim)`, `sort`, `topk`, …: values, and where they were."""

    values: jax.Array
    indices: jax.Array


def _at(x: jax.Array, indices: jax.Array, dim: int, keepdim: bool = True) -> ValuesAndIndices:
    """The values of `x` at `indices`, which has the dimensions of `x`."""
    values = jnp.take_along_axis(x, indices, axis=dim)
    if keepdim:
        return ValuesAndIndices(values, indices)
    return ValuesAndIndices(jnp.squeeze(values, dim), jnp.squeeze(indices, dim))


def max_with_indices(x: jax.Array, dim: int, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.max` along a dimension: the maxima, and where the first of each is."""
    return _at(x, jnp.argmax(x, axis=dim, keepdims=True), dim, keepdim)


def named_children(module: nnx.Module) -> Iterator[tuple[str, nnx.Module]]:
    """The modules that are attributes or items of `module`, each once, as they were assigned."""
    seen: list[nnx.Module] = []
    for name, value in vars(module).items():
        inner = isinstance(value, nnx.Module) and not isinstance(value, nnx.Rngs | nnx.RngStream)
        if inner and all(value is not other for other in seen):
            seen.append(value)
            yield name, value


def named_modules(
    module: nnx.Module, memo: set[int] | None = None, prefix: str = ""
) -> Iterator[tuple[str, nnx.Module]]:
    """`module` and all modules in it, outer ones first and each once, with their dotted names."""
    memo = set() if memo is None else memo
    if id(module) not in memo:
        memo.add(id(module))
        yield prefix, module
        for name, child in named_children(module):
            yield from named_modules(child, memo, f"{prefix}.{name}" if prefix else name)


def modules(module: nnx.Module) -> Iterator[nnx.Module]:
    """`module` and all modules in it, outer ones first and each once."""
    for _, inner in named_modules(module):
        yield inner

PAD, BOS, EOS, FIRST = 0, 1, 2, 3
N_TOKENS = 10
LONGEST = 5
rngs = nnx.Rngs(0)


class Positions(nnx.Module):
    """Adds waves of falling frequency, so that the order of the tokens is seen."""

    def __init__(self, width: int, dropout: float, max_len: int = 32, *, rngs: nnx.Rngs):
        self.dropout = Dropout(p=dropout, rngs=rngs)
        place = jnp.expand_dims(jnp.arange(max_len), 1)
        rate = jnp.exp(jnp.arange(0, width, 2) * (-math.log(10000.0) / width))
        waves = jnp.zeros((max_len, width))
        waves = waves.at[:, 0::2].set(jnp.sin(place * rate))
        waves = waves.at[:, 1::2].set(jnp.cos(place * rate))
        self.waves = nnx.BatchStat(jnp.expand_dims(waves, 0))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.dropout(x + self.waves[:, :x.shape[1]])


class Translator(nnx.Module):
    def __init__(self, n_tokens: int, width: int = 32, heads: int = 4, depth: int = 1,
                 hidden: int = 64, dropout: float = 0.0, *, rngs: nnx.Rngs):
        self.width = width
        self.embedding = Embedding(n_tokens, width, rngs=rngs)
        self.positions = Positions(width, dropout, rngs=rngs)
        self.encoder = TransformerEncoder(
            TransformerEncoderLayer(width, heads, hidden, dropout, batch_first=True, rngs=rngs),
            num_layers=depth, enable_nested_tensor=False, rngs=rngs)
        self.decoder = TransformerDecoder(
            TransformerDecoderLayer(d_model=width, nhead=heads, dim_feedforward=hidden,
                                       dropout=dropout, batch_first=True, rngs=rngs),
            num_layers=depth,
            rngs=rngs)
        self.generator = Linear(width, n_tokens, rngs=rngs)
        for module in modules(self):
            if isinstance(module, Linear):
                module.weight = init_xavier_uniform(rngs.params(), module.weight)

    def embed(self, tokens: jax.Array) -> jax.Array:
        return self.positions(self.embedding(tokens) * math.sqrt(self.width))

    def encode(self, source: jax.Array) -> jax.Array:
        return self.encoder(self.embed(source), src_key_padding_mask=source == PAD)

    def decode(self, memory: jax.Array, source: jax.Array, target: jax.Array) -> jax.Array:
        length = target.shape[1]
        future = jnp.triu(jnp.ones((length, length), dtype=jnp.bool_), 1)
        x = self.decoder(self.embed(target), memory, tgt_mask=future,
                         memory_key_padding_mask=source == PAD)
        return self.generator(x)

    def __call__(self, source: jax.Array, target: jax.Array) -> jax.Array:
        return self.decode(self.encode(source), source, target)


def reversals(n: int, batch_size: int = 24):
    """Batches of (numbers, the same numbers backwards between BOS and EOS), padded."""
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(n):
        source = np.full((batch_size, LONGEST), PAD)
        target = np.full((batch_size, LONGEST + 2), PAD)
        for row in range(batch_size):
            length = rng.integers(2, LONGEST + 1)
            numbers = rng.integers(FIRST, N_TOKENS, size=length)
            source[row, :length] = numbers
            target[row, :length + 2] = [BOS, *numbers[::-1], EOS]
        batches.append((jnp.asarray(source), jnp.asarray(target)))
    return batches


batches = reversals(61)
train_batches = batches[:-1]
test_source, test_target = batches[-1]


def greedy(model: nnx.Module, source: jax.Array) -> jax.Array:
    model.eval()
    memory = model.encode(source)
    written = jnp.full_like(jnp.ones((source.shape[0], 1)), BOS).astype(int)
    while written.shape[1] < LONGEST + 2:
        scores = model.decode(memory, source, written)[:, -1]
        _, best = max_with_indices(scores, 1)
        written = jnp.concatenate([written, jnp.expand_dims(best, 1)], axis=1)
    return written


def build(*, rngs: nnx.Rngs) -> nnx.Module:
    return Translator(N_TOKENS, rngs=rngs)


def train(model: nnx.Module) -> List[float]:
    criterion = CrossEntropyLoss(ignore_index=PAD)
    optimizer = optax.adam(learning_rate=4e-3, b1=0.9, b2=0.98, eps=1e-9)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for step, (source, target) in enumerate(train_batches):
        model.train()
        source, target = source, target

        def loss_fn(model):
            scores = model(source, target[:, :-1])
            return criterion(scores.reshape(-1, scores.shape[-1]), target[:, 1:].reshape(-1))

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)
        losses.append(loss.item())
        if step % 30 == 29:
            written = greedy(model, test_source)
            used = test_target != PAD
            right = (written == test_target)[used].astype(jnp.float32).mean()
            print(f"step {step + 1}: loss {loss.item():.3f}, right tokens {right.item():.2f}")
    return losses


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
