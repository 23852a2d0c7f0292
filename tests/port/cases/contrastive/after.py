"""Two encoders, one for signals and one for their descriptions, trained to agree.

Every pair of a batch is a positive, every other combination a negative.
"""
import math
from typing import Dict
import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


def _spatial(value: Any, rank: int) -> tuple[Any, ...]:
    """One value for each of `rank` spatial dimensions, from a sequence of them or one for all."""
    return tuple(value) if isinstance(value, Sequence) else (value,) * rank


def _conv_padding(
    padding: int | Sequence[int] | str,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[tuple[int, int], ...]:
    """What a convolution pads before and after each spatial dimension."""
    if padding == "same":
        if any(step != 1 for step in stride):
            raise ValueError("padding='same' needs a stride of 1")
        total = [d * (k - 1) for d, k in zip(dilation, kernel_size, strict=True)]
        return tuple((n // 2, n - n // 2) for n in total)
    if isinstance(padding, str):
        if padding != "valid":
            raise ValueError(f"padding must be numbers, 'same' or 'valid', not {padding!r}")
        padding = 0
    return tuple((n, n) for n in _spatial(padding, len(kernel_size)))


class _Conv(nnx.Conv):
    """An `nnx.Conv` with torch's arguments, initial values, padding and layout.

    Inputs and outputs are (N, C, *spatial) or (C, *spatial); the kernel is Flax's,
    (*spatial, in / groups, out). Kernel and bias are uniform within ±1/sqrt(in / groups * kernel).
    """

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | Literal["same", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.stride = _spatial(stride, self.spatial_dims)
        self.dilation = _spatial(dilation, self.spatial_dims)
        modes = {"zeros": None, "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
        if padding_mode not in modes:
            raise ValueError(f"padding_mode must be one of {[*modes]}, not {padding_mode!r}")
        kernel_size = _spatial(kernel_size, self.spatial_dims)
        pads = _conv_padding(padding, kernel_size, self.stride, self.dilation)
        self.edges, self.edge_mode = pads, modes[padding_mode]
        bound = 1 / math.sqrt(in_channels // groups * math.prod(kernel_size))
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            self.stride,
            padding=pads if self.edge_mode is None else "VALID",
            kernel_dilation=self.dilation,
            feature_group_count=groups,
            use_bias=bias,
            kernel_init=uniform,
            bias_init=uniform,
            rngs=rngs,
        )

    def __call__(self, inputs: jax.Array) -> jax.Array:
        channels = -1 - self.spatial_dims
        if self.edge_mode is not None:
            kept = [(0, 0)] * (inputs.ndim - self.spatial_dims)
            inputs = jnp.pad(inputs, [*kept, *self.edges], mode=self.edge_mode)
        return jnp.moveaxis(super().__call__(jnp.moveaxis(inputs, channels, -1)), -1, channels)


class Conv1d(_Conv):
    """`torch.nn.Conv1d`: inputs (N, C, L) or (C, L)."""

    spatial_dims = 1


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


class ReLU(nnx.Module):
    """`torch.nn.ReLU`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.relu(x)


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


def clamp(
    x: jax.Array, min: jax.Array | float | None = None, max: jax.Array | float | None = None
) -> jax.Array:
    """`torch.clamp`: its gradient at a bound is one, that of `jnp.clip` a half."""
    if min is not None:
        x = jnp.where((x < min) | (min != min), min, x)
    return x if max is None else jnp.where((x > max) | (max != max), max, x)


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


def no_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator `torch.no_grad()`: no gradient flows through what the function gives back."""

    def stop(value: Any) -> Any:
        return jax.lax.stop_gradient(value) if isinstance(value, jax.Array) else value

    @functools.wraps(function)
    def without_gradient(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return jax.tree.map(stop, result, is_leaf=lambda item: isinstance(item, nnx.Module))

    return without_gradient


def _vector_norm(x: jax.Array, p: float, axis: int) -> jax.Array:
    """The p-norm along `axis`, which keeps size 1, for p of 1, 2 and infinity.

    Unlike `jnp.linalg.norm` and `jnp.abs` it has a gradient of 0 at 0, as torch has.
    """
    if p == 2:
        square = jnp.square(x).sum(axis, keepdims=True)
        return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    if p == 1:
        return (x * jnp.sign(x)).sum(axis, keepdims=True)
    if p == math.inf:
        return (x * jnp.sign(x)).max(axis, keepdims=True)
    raise ValueError(f"p must be 1, 2 or infinity, not {p}")


def normalize(input: jax.Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> jax.Array:
    """`torch.nn.functional.normalize`: vectors along `dim` get length 1; p is 1, 2 or infinity."""
    return input / jnp.maximum(_vector_norm(input, p, dim), eps)


def absolute(x: jax.Array) -> jax.Array:
    """`torch.abs`: its gradient at zero is zero, that of `jnp.abs` is one."""
    return x * jnp.sign(x) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.abs(x)


def vector_norm(
    x: jax.Array,
    ord: float = 2,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
) -> jax.Array:
    """`torch.linalg.vector_norm`: `jnp.linalg.vector_norm` with torch's gradient at zero.

    It is 0 there, not NaN. 16-bit floats are added up in 32 bits.
    """
    axes = tuple(dim) if isinstance(dim, Sequence) else dim
    size = absolute(x)
    if ord in (0, math.inf, -math.inf):
        return jnp.linalg.vector_norm(size, ord=ord, axis=axes, keepdims=keepdim)
    wide = size.astype(jnp.promote_types(size.dtype, jnp.float32))
    total = jnp.sum(wide**ord, axis=axes, keepdims=keepdim)
    root = jnp.where(total == 0, 1, total) ** (1 / ord)
    return jnp.where(total == 0, 0, root).astype(size.dtype)


class Projection(nnx.Module):
    """Into the space that both encoders share."""

    def __init__(self, n_in: int, n_out: int = 16, dropout: float = 0.0, *, rngs: nnx.Rngs):
        self.linear = Linear(n_in, n_out, rngs=rngs)
        self.refine = Sequential(GELU(), Linear(n_out, n_out, rngs=rngs), Dropout(dropout, rngs=rngs))
        self.norm = LayerNorm(n_out)

    def __call__(self, x):
        x = self.linear(x)
        return self.norm(x + self.refine(x))


class SignalEncoder(nnx.Module):
    """A few strided convolutions over time, then the mean."""

    def __init__(self, channels: int = 1, width: int = 16, *, rngs: nnx.Rngs):
        self.conv = Sequential(
            Conv1d(channels, width, kernel_size=5, stride=2, padding=2, rngs=rngs),
            ReLU(),
            Conv1d(width, width, kernel_size=5, stride=2, padding=2, rngs=rngs),
            ReLU(),
        )

    def __call__(self, x):
        return self.conv(x).mean(axis=-1)


class TextEncoder(nnx.Module):
    """Mean of the word embeddings, padding left out."""

    def __init__(self, vocab_size: int, width: int = 16, *, rngs: nnx.Rngs):
        self.embedding = Embedding(vocab_size, width, padding_idx=0, rngs=rngs)

    def __call__(self, tokens):
        mask = jnp.expand_dims((tokens != 0), -1).astype(jnp.float32)
        summed = (self.embedding(tokens) * mask).sum(axis=1)
        return summed / clamp(mask.sum(axis=1), min=1e-9)


class PairModel(nnx.Module):
    def __init__(self, vocab_size: int, shared: int = 16, *, rngs: nnx.Rngs):
        self.signal_encoder = SignalEncoder(rngs=rngs)
        self.signal_projection = Projection(16, shared, rngs=rngs)
        self.text_encoder = TextEncoder(vocab_size, rngs=rngs)
        self.text_projection = Projection(16, shared, rngs=rngs)
        self.logit_scale = nnx.Param(jnp.ones([]) * np.log(1 / 0.2))

    def __call__(self, signal: jax.Array, text: jax.Array):
        """(batch, batch) scaled cosines of every signal with every text"""
        a = self.signal_projection(self.signal_encoder(signal))
        b = self.text_projection(self.text_encoder(text))
        a = normalize(a, dim=-1)
        b = b / vector_norm(b, dim=-1, keepdim=True)
        return jnp.exp(self.logit_scale[...]) * a @ b.T


def pair_loss(logits):
    """Each signal should find its text, and each text its signal."""
    labels = jnp.arange(logits.shape[0])
    return (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2


def make_pairs(n_batches: int, batch_size: int = 12) -> Dict[str, jax.Array]:
    """Waves, and words for how fast and how loud they are."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 32)
    kinds = np.stack([rng.permutation(12)[:batch_size] for _ in range(n_batches)])
    pitch, loudness = kinds % 4, kinds // 4
    phase = rng.uniform(0, 2 * np.pi, size=kinds.shape + (1,))
    waves = (1 + loudness[..., None]) * np.sin(2 * np.pi * (2 + 3 * pitch[..., None]) * t + phase)
    waves = waves[:, :, None, :] + rng.normal(0, 0.1, size=kinds.shape + (1, 32))
    filler = rng.integers(8, 12, size=kinds.shape)
    filler[rng.random(kinds.shape) < 0.5] = 0
    words = np.stack([1 + pitch, 5 + loudness, filler], axis=-1)
    return {"signal": jnp.array(waves, dtype=jnp.float32), "text": jnp.array(words)}


NUM_STEPS = 120
data = make_pairs(NUM_STEPS + 5)


def build():
    rngs = nnx.Rngs(42)
    return PairModel(vocab_size=12, rngs=rngs)


def train(model):
    optimizer = optax.adamw(learning_rate=5e-3, weight_decay=1e-3)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    model.train()
    for step in range(NUM_STEPS):
        signal, text = data["signal"][step], data["text"][step]

        def loss_fn(model):
            return pair_loss(model(signal, text))

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)

        # the logits are not scaled by more than 100
        model.logit_scale[...] = clamp(model.logit_scale[...], min=0, max=math.log(100))

        losses.append(loss.item())
        if (step + 1) % 30 == 0:
            print(f"step {step + 1}: loss {loss.item():.4f}, "
                  f"scale {jnp.exp(model.logit_scale).item():.2f}, top-1 {retrieval(model):.2f}")
            model.train()
    return losses


@no_grad
def retrieval(model):
    model.eval()
    hits = []
    for i in range(NUM_STEPS, NUM_STEPS + 5):
        logits = model(data["signal"][i], data["text"][i])
        hits.append((logits.argmax(axis=1) == jnp.arange(len(logits))).astype(jnp.float32))
    return jnp.concatenate(hits).mean().item()


if __name__ == "__main__":
    model = build()
    losses = train(model)
