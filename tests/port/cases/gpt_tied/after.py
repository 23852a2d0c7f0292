"""Counting in strides round a ring of tokens, with a GPT that reads and writes by one matrix.

AdamW with warm-up, cosine decay, gradient clipping, and no weight decay on vectors.
"""
import math
from dataclasses import dataclass
import functools
from collections.abc import Callable, Iterator, Sequence
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


class GELU(nnx.Module):
    """`torch.nn.GELU`: exact by default, where `jax.nn.gelu` approximates.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")
        self.approximate = approximate

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.gelu(x, approximate=self.approximate == "tanh")


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


class TiedLinear(Linear):
    """A linear layer whose weight is the embedding of another layer, (out, in)."""

    def __init__(self, embedding: nnx.Param[jax.Array], bias: nnx.Param[jax.Array] | None) -> None:
        self.embedding = embedding
        self.bias = bias

    def __call__(self, inputs: jax.Array) -> jax.Array:
        outputs = inputs @ self.embedding[...].T
        return outputs if self.bias is None else outputs + self.bias[...]

    @property
    def weight(self) -> jax.Array:
        return self.embedding[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.embedding[...] = value


def named_children(module: nnx.Module) -> Iterator[tuple[str, nnx.Module]]:
    """The modules that are attributes or items of `module`, each once, as they were assigned."""
    seen: list[nnx.Module] = []
    for name, value in vars(module).items():
        inner = isinstance(value, nnx.Module) and not isinstance(value, nnx.Rngs | nnx.RngStream)
        if inner and all(value is not other for other in seen):
            seen.append(value)
            yield name, value


def children(module: nnx.Module) -> Iterator[nnx.Module]:
    """The modules that are attributes or items of `module`."""
    for _, child in named_children(module):
        yield child


def apply(module: nnx.Module, function: Callable[[nnx.Module], object]) -> nnx.Module:
    """Call `function` with every module in `module` and then with itself, as `apply` of torch."""
    for child in children(module):
        apply(child, function)
    function(module)
    return module


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


def init_normal(key: jax.Array, x: jax.Array, mean: float = 0.0, std: float = 1.0) -> jax.Array:
    """Values like `x`, normal with mean `mean` and standard deviation `std`."""
    return mean + std * jax.random.normal(key, x.shape, x.dtype)


def _softmax_or_zeros(scores: jax.Array) -> jax.Array:
    """Softmax along the last axis, zeros where every score is -inf."""
    hidden = jnp.isneginf(scores).all(-1, keepdims=True)
    return jnp.where(hidden, 0, jax.nn.softmax(jnp.where(hidden, 0, scores), axis=-1))


def _dropout(x: jax.Array, p: float, key: jax.Array, mask_shape: tuple[int, ...]) -> jax.Array:
    """`x` with a share `p` set to 0 and the rest divided by 1 - `p`, by a mask of `mask_shape`."""
    if p == 1:
        return jnp.zeros_like(x)
    return jnp.where(jax.random.bernoulli(key, 1 - p, mask_shape), x / (1 - p), 0)


def dropout(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Single values set to 0 with probability `p`; `x` itself when not training."""
    return _dropout(x, p, key, x.shape) if training and p > 0 else x


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


@dataclass
class Config:
    vocab_size: int = 27
    context: int = 16
    depth: int = 2
    heads: int = 2
    width: int = 32
    dropout: float = 0.0
    bias: bool = False


class Attention(nnx.Module):
    deterministic = False  # train() and eval() set it

    def __init__(self, cfg: Config, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.heads = cfg.heads
        self.dropout = cfg.dropout
        self.qkv = Linear(cfg.width, 3 * cfg.width, bias=cfg.bias, rngs=rngs)
        self.out = Linear(cfg.width, cfg.width, bias=cfg.bias, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        b, t, c = x.shape
        q, k, v = (
            part.reshape(b, t, self.heads, -1).swapaxes(1, 2)
            for part in jnp.split(self.qkv(x), 3, axis=-1)
        )
        y = scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if not self.deterministic else 0.0, is_causal=True, dropout_key=self.rngs())
        return self.out(y.swapaxes(1, 2).reshape(b, t, c))


class Block(nnx.Module):
    def __init__(self, cfg: Config, *, rngs: nnx.Rngs):
        self.attention = Attention(cfg, rngs=rngs)
        self.fc = Linear(cfg.width, 4 * cfg.width, bias=cfg.bias, rngs=rngs)
        self.act = GELU(approximate="tanh")
        self.proj = Linear(4 * cfg.width, cfg.width, bias=cfg.bias, rngs=rngs)
        self.ln1 = LayerNorm(cfg.width)
        self.ln2 = LayerNorm(cfg.width)

    def __call__(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.proj(self.act(self.fc(self.ln2(x))))


class TiedGPT(nnx.Module):
    def __init__(self, cfg: Config, *, rngs: nnx.Rngs):
        self.cfg = cfg
        self.tokens = Embedding(cfg.vocab_size, cfg.width, rngs=rngs)
        self.body = nnx.Dict({
            "positions": Embedding(cfg.context, cfg.width, rngs=rngs),
            "blocks": nnx.List([Block(cfg, rngs=rngs) for _ in range(cfg.depth)]),
            "norm": LayerNorm(cfg.width),
        })
        self.head = Linear(cfg.width, cfg.vocab_size, bias=False, rngs=rngs)
        # one matrix for reading and for writing tokens
        self.head = TiedLinear(self.tokens.embedding, self.head.bias)
        apply(self, functools.partial(self._init_weights, rngs=rngs))

    @staticmethod
    def _init_weights(m, *, rngs: nnx.Rngs):
        if isinstance(m, (Linear, Embedding)):
            m.weight = init_normal(rngs(), m.weight, std=0.05)

    def __call__(self, tokens, targets=None):
        t = tokens.shape[1]
        if t > self.cfg.context:
            raise ValueError(f"{t} tokens, but the context is {self.cfg.context}")
        positions = jnp.arange(0, t, dtype=int)
        x = self.tokens(tokens) + self.body.positions(positions)
        for block in self.body.blocks:
            x = block(x)
        logits = self.head(self.body.norm(x))
        if targets is None:
            return logits, None
        return logits, cross_entropy(logits.reshape(-1, logits.shape[(-1)]), targets.reshape(-1))


STEPS, WARMUP = 60, 10


def lr_share(step: int) -> float:
    """The learning rate at `step`, as a share of its highest value."""
    if step < WARMUP:
        return (step + 1) / WARMUP
    done = (step - WARMUP) / (STEPS - WARMUP)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * done))


rngs = nnx.Rngs(0)
cfg = Config()
rng = np.random.default_rng(0)
first = rng.integers(0, cfg.vocab_size, size=(STEPS, 8, 1))
stride = rng.integers(1, 4, size=(STEPS, 8, 1))
sequences = (first + stride * np.arange(cfg.context + 1)) % cfg.vocab_size


def build(*, rngs: nnx.Rngs) -> nnx.Module:
    model = TiedGPT(cfg, rngs=rngs)
    n_params = sum(p.size for p in jax.tree.leaves(nnx.state(model, nnx.Param)))
    print(f"{n_params / 1e3:.1f}k parameters")
    return model


def train(model: nnx.Module) -> list[float]:
    schedule = lambda count: 0.01 * lr_share(int(count))
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(learning_rate=schedule, weight_decay=0.1, b1=0.9, b2=0.95),
    )
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    model.train()
    for step in range(STEPS):
        batch = jnp.asarray(sequences[step])

        def loss_fn(model):
            _, loss = model(batch[:, :-1], batch[:, 1:])
            return loss

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        norm = optax.tree.norm(grads)
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)
        losses.append(loss.item())
        if step % 20 == 0:
            print(f"{step:3d}  loss {loss.item():.4f}  |grad| {norm.item():.3f}")
    return losses


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
