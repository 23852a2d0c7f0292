"""Masked language modelling: guess the hidden numbers of sequences that count upwards."""
import math
from typing import Dict, List, Optional, Tuple
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

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


class Sequential(nnx.List):
    """`torch.nn.Sequential`: a list of layers, called one after the other.

    Unlike `nnx.Sequential` it hands on exactly one value (a tuple stays a tuple), can be indexed
    and sliced, and takes one dict of layers, which are then also attributes by their names.
    """

    def __init__(self, *layers: Any) -> None:
        named = len(layers) == 1 and isinstance(layers[0], dict)
        self._names: tuple[str, ...] = tuple(layers[0]) if named else ()
        if any(name.isdigit() for name in self._names):
            raise ValueError(f"layers of a Sequential cannot be named by numbers: {self._names}")
        super().__init__(layers[0].values() if named else layers)

    def __call__(self, x: Any) -> Any:
        for layer in self:
            x = layer(x)
        return x

    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, slice):
            return super().__getitem__(index)
        layers = super().__getitem__(index)
        if len(self._names) < len(self):
            return Sequential(*layers)
        return Sequential(dict(zip(self._names[index], layers, strict=True)))

    def __delitem__(self, index: int | slice) -> None:
        layers = list(self)
        del layers[index]
        while len(self):
            super().__delitem__(-1)
        self._names = ()
        self.extend(layers)

    def __getattr__(self, name: str) -> Any:
        names = vars(self).get("_names", ())
        if name not in names:
            raise AttributeError(f"Sequential has no attribute {name!r}")
        return self[names.index(name)]

    def __setattr__(self, name: str, value: Any) -> None:
        names = vars(self).get("_names", ())
        super().__setattr__(str(names.index(name)) if name in names else name, value)


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


def expand(x: jax.Array, sizes: int | Sequence[int]) -> jax.Array:
    """`x.expand`: `jnp.broadcast_to`, where -1 keeps the size of a dimension."""
    sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    new = len(sizes) - x.ndim
    kept = [x.shape[axis - new] if size == -1 else size for axis, size in enumerate(sizes)]
    return jnp.broadcast_to(x, kept)

PAD, MASK, FIRST = 0, 1, 2
N_NUMBERS = 10
MAX_LEN = 10


class InputEmbedding(nnx.Module):
    """Token, place and segment, added up and normalised."""

    def __init__(self, n_tokens: int, width: int, dropout: float, *, rngs: nnx.Rngs):
        self.token = Embedding(n_tokens, width, padding_idx=PAD, rngs=rngs)
        self.place = Embedding(MAX_LEN, width, rngs=rngs)
        self.segment = Embedding(2, width, rngs=rngs)
        self.norm = LayerNorm(width, eps=1e-12)
        self.dropout = Dropout(dropout, rngs=rngs)
        self.places = nnx.BatchStat(expand(jnp.arange(MAX_LEN), (1, -1)))

    def __call__(self, ids: jax.Array, segments: Optional[jax.Array] = None) -> jax.Array:
        if segments is None:
            segments = jnp.zeros_like(ids)
        x = self.token(ids) + self.segment(segments)
        x = x + self.place(self.places[:, :ids.shape[1]])
        return self.dropout(self.norm(x))


class EncoderLayer(nnx.Module):
    """Attention in both directions and a feed-forward net, each normalised after its sum."""

    def __init__(self, width: int, heads: int, dropout: float, *, rngs: nnx.Rngs):
        self.heads = heads
        self.query = Linear(width, width, rngs=rngs)
        self.key = Linear(width, width, rngs=rngs)
        self.value = Linear(width, width, rngs=rngs)
        self.merge = Linear(width, width, rngs=rngs)
        self.norm_attention = LayerNorm(width, eps=1e-12)
        self.widen = Linear(width, 4 * width, rngs=rngs)
        self.narrow = Linear(4 * width, width, rngs=rngs)
        self.norm_output = LayerNorm(width, eps=1e-12)
        self.dropout = Dropout(dropout, rngs=rngs)

    def split_heads(self, x: jax.Array) -> jax.Array:
        shape = x.shape[:-1] + (self.heads, x.shape[(-1)] // self.heads)
        return x.reshape(shape).transpose(0, 2, 1, 3)

    def __call__(self, x: jax.Array, bias: jax.Array) -> jax.Array:
        q = self.split_heads(self.query(x))
        k = self.split_heads(self.key(x))
        v = self.split_heads(self.value(x))
        scores = jnp.matmul(q, k.swapaxes(-1, -2)) / math.sqrt(q.shape[(-1)]) + bias
        weights = self.dropout(jax.nn.softmax(scores, axis=-1))
        context = jnp.matmul(weights, v).transpose(0, 2, 1, 3)
        context = context.reshape(*context.shape[:-2], -1)
        x = self.norm_attention(x + self.dropout(self.merge(context)))
        hidden = self.narrow(jax.nn.gelu(self.widen(x), approximate=False))
        return self.norm_output(x + self.dropout(hidden))


class MaskedLM(nnx.Module):
    def __init__(self, n_tokens: int, width: int = 32, depth: int = 2, heads: int = 4,
                 dropout: float = 0.0, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.embedding = InputEmbedding(n_tokens, width, dropout, rngs=rngs)
        self.layers = nnx.List([EncoderLayer(width, heads, dropout, rngs=rngs) for _ in range(depth)])
        self.transform = Sequential(Linear(width, width, rngs=rngs), GELU(), LayerNorm(width))
        self.decoder = Linear(width, n_tokens, bias=False, rngs=rngs)
        self.bias = nnx.Param(jnp.zeros(n_tokens))
        apply(self, self._init_weights)

    def _init_weights(self, module: nnx.Module) -> None:
        if isinstance(module, (Linear, Embedding)):
            module.weight = 0.2 * jax.random.normal(self.rngs(), module.weight.shape, module.weight.dtype)
        if isinstance(module, Linear) and module.bias is not None:
            module.bias[...] = jnp.zeros_like(module.bias[...])
        elif isinstance(module, LayerNorm):
            module.bias[...] = jnp.zeros_like(module.bias[...])
            module.weight = jnp.full_like(module.weight, 1.0)

    def __call__(self, ids: jax.Array, attention_mask: Optional[jax.Array] = None,
                labels: Optional[jax.Array] = None) -> Tuple[Optional[jax.Array], jax.Array]:
        if attention_mask is None:
            attention_mask = jnp.ones_like(ids)
        # 0 where a token may be looked at, a large negative number where not
        bias = (1.0 - attention_mask[:, None, None, :].astype(jnp.float32)) * -10000.0
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, bias)
        scores = self.decoder(self.transform(x)) + self.bias[...]
        loss = None
        if labels is not None:
            criterion = CrossEntropyLoss(ignore_index=-100)
            loss = criterion(scores.reshape(-1, scores.shape[(-1)]), labels.reshape(-1))
        return loss, scores


def counting(n_batches: int, batch_size: int = 16) -> List[Dict[str, jax.Array]]:
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(n_batches):
        start = rng.integers(0, N_NUMBERS, size=(batch_size, 1))
        tokens = FIRST + (start + np.arange(MAX_LEN)) % N_NUMBERS
        used = np.arange(MAX_LEN) < rng.integers(6, MAX_LEN + 1, size=(batch_size, 1))
        hidden = used & (rng.random(tokens.shape) < 0.2)
        hidden[:, 2] = True
        ids = np.where(hidden, MASK, np.where(used, tokens, PAD))
        batches.append({
            "ids": jnp.asarray(ids),
            "attention_mask": jnp.asarray(used.astype(np.int64)),
            "labels": jnp.asarray(np.where(hidden, tokens, -100)),
        })
    return batches


batches = counting(90)


def build() -> MaskedLM:
    rngs = nnx.Rngs(0)
    return MaskedLM(FIRST + N_NUMBERS, rngs=rngs)


def train(model: MaskedLM, warmup: int = 10) -> List[float]:
    schedule = lambda count: 0.005 * (lambda step: min((step + 1) / warmup, (len(batches) - step) / (len(batches) - warmup)))(int(count))
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(learning_rate=schedule, eps=1e-8, weight_decay=0.01),
    )
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    total = len(batches)
    losses = []
    model.train()
    for step, batch in enumerate(batches):
        batch = {name: value for name, value in batch.items()}

        def loss_fn(model):
            loss, _ = model(**batch)
            return loss

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)
        losses.append(loss.item())
        if step % 30 == 29:
            print(f"step {step + 1:3d} | loss {loss.item():.4f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
