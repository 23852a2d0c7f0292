"""A decoder with RMSNorm, rotary positions, shared key heads and SwiGLU, on repeated sequences."""
import math
from dataclasses import dataclass
from typing import Optional
import functools
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


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


def expand(x: jax.Array, sizes: int | Sequence[int]) -> jax.Array:
    """`x.expand`: `jnp.broadcast_to`, where -1 keeps the size of a dimension."""
    sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    new = len(sizes) - x.ndim
    kept = [x.shape[axis - new] if size == -1 else size for axis, size in enumerate(sizes)]
    return jnp.broadcast_to(x, kept)


@dataclass
class Args:
    vocab_size: int = 12
    dim: int = 32
    hidden_dim: int = 88
    n_layers: int = 2
    n_heads: int = 4
    n_kv_heads: Optional[int] = 2
    max_seq_len: int = 24
    norm_eps: float = 1e-5


class RMSNorm(nnx.Module):
    """x over its root mean square, times a weight; computed in float32."""

    def __init__(self, dim: int, eps: float):
        self.eps = eps
        self.weight = nnx.Param(jnp.ones(dim))

    def __call__(self, x):
        y = x.astype(jnp.float32)
        y = y * jax.lax.rsqrt((y ** 2).mean(axis=-1, keepdims=True) + self.eps)
        return y.astype(x.dtype) * self.weight[...]


class Rotary(nnx.Module):
    """Turns pairs of channels by an angle that grows with the position."""

    def __init__(self, dim: int, max_seq_len: int, theta: float = 10000.0):
        inv_freq = 1.0 / (theta ** (jnp.arange(0, dim, 2).astype(jnp.float32) / dim))
        angles = jnp.outer(jnp.arange(max_seq_len, dtype=jnp.float32), inv_freq)
        angles = jnp.concatenate((angles, angles), axis=-1)
        self.cos = nnx.BatchStat(jnp.cos(angles))
        self.sin = nnx.BatchStat(jnp.sin(angles))

    @staticmethod
    def rotate_half(x):
        first, second = jnp.split(x, 2, axis=-1)
        return jnp.concatenate((-second, first), axis=-1)

    def __call__(self, x):
        """x: (batch, heads, length, channels)"""
        length = x.shape[-2]
        return x * self.cos[:length] + self.rotate_half(x) * self.sin[:length]


class Attention(nnx.Module):
    def __init__(self, args: Args, *, rngs: nnx.Rngs):
        self.n_heads = args.n_heads
        self.n_kv_heads = args.n_heads if args.n_kv_heads is None else args.n_kv_heads
        self.head_dim = args.dim // args.n_heads
        kv_dim = self.n_kv_heads * self.head_dim
        self.wq = Linear(args.dim, args.dim, bias=False, rngs=rngs)
        self.wk = Linear(args.dim, kv_dim, bias=False, rngs=rngs)
        self.wv = Linear(args.dim, kv_dim, bias=False, rngs=rngs)
        self.wo = Linear(args.dim, args.dim, bias=False, rngs=rngs)
        self.rotary = Rotary(self.head_dim, args.max_seq_len)

    def share(self, x):
        """The heads of keys or values, as many times as queries need them."""
        b, heads, length, channels = x.shape
        n = self.n_heads // heads
        return expand(x[:, :, None], (b, heads, n, length, channels)).reshape(b, -1, length, channels)

    def __call__(self, x, mask: Optional[jax.Array]):
        b, length, _ = x.shape
        q = self.wq(x).reshape(b, length, self.n_heads, self.head_dim).swapaxes(1, 2)
        k = self.wk(x).reshape(b, length, self.n_kv_heads, self.head_dim).swapaxes(1, 2)
        v = self.wv(x).reshape(b, length, self.n_kv_heads, self.head_dim).swapaxes(1, 2)
        q, k = self.rotary(q), self.rotary(k)
        k, v = self.share(k), self.share(v)
        scores = jnp.matmul(q, k.swapaxes(2, 3)) / math.sqrt(self.head_dim)
        if mask is not None:
            scores = scores + mask
        weights = jax.nn.softmax(scores.astype(jnp.float32), axis=-1).astype(q.dtype)
        return self.wo(jnp.matmul(weights, v).swapaxes(1, 2).reshape(b, length, -1))


class SwiGLU(nnx.Module):
    def __init__(self, dim: int, hidden: int, *, rngs: nnx.Rngs):
        self.gate = Linear(dim, hidden, bias=False, rngs=rngs)
        self.up = Linear(dim, hidden, bias=False, rngs=rngs)
        self.down = Linear(hidden, dim, bias=False, rngs=rngs)

    def __call__(self, x):
        return self.down(jax.nn.silu(self.gate(x)) * self.up(x))


class Decoder(nnx.Module):
    def __init__(self, args: Args, *, rngs: nnx.Rngs):
        self.embed = Embedding(args.vocab_size, args.dim, rngs=rngs)
        self.layers = nnx.List()
        for _ in range(args.n_layers):
            self.layers.append(nnx.Dict({
                "attention_norm": RMSNorm(args.dim, args.norm_eps),
                "attention": Attention(args, rngs=rngs),
                "ffn_norm": RMSNorm(args.dim, args.norm_eps),
                "ffn": SwiGLU(args.dim, args.hidden_dim, rngs=rngs),
            }))
        self.norm = RMSNorm(args.dim, args.norm_eps)
        self.output = Linear(args.dim, args.vocab_size, bias=False, rngs=rngs)

    def __call__(self, tokens: jax.Array):
        length = tokens.shape[1]
        mask = None
        if length > 1:
            mask = jnp.full((length, length), float("-inf"))
            mask = jnp.triu(mask, 1)
        h = self.embed(tokens)
        for layer in self.layers:
            h = h + layer["attention"](layer["attention_norm"](h), mask)
            h = h + layer["ffn"](layer["ffn_norm"](h))
        return self.output(self.norm(h)).astype(jnp.float32)


rngs = nnx.Rngs(0)
args = Args()
halves = np.random.default_rng(0).integers(0, args.vocab_size, size=(100, 16, 6))
sequences = jnp.asarray(np.concatenate([halves, halves], axis=2))


def build(*, rngs: nnx.Rngs) -> Decoder:
    return Decoder(args, rngs=rngs)


def train(model: Decoder) -> list[float]:
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(learning_rate=1e-2, b1=0.9, b2=0.95, eps=1e-5, weight_decay=0.1),
    )
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    model.train()
    for step, tokens in enumerate(sequences):
        tokens = tokens

        def loss_fn(model):
            logits = model(tokens[:, :-1])
            return cross_entropy(logits.reshape(-1, args.vocab_size), tokens[:, 1:].reshape(-1))

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)
        losses.append(loss.item())
        if step % 25 == 0:
            print(f"{step:3d} loss {loss.item():.4f}")
    return losses


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
