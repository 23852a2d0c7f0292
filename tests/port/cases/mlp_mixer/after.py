"""MLP-Mixer on pictures whose class is the quarter with the strongest texture."""
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import einops
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


class Rearrange(nnx.Module):
    """`einops.rearrange` with `pattern` and the lengths of its axes as a layer."""

    def __init__(self, pattern: str, **axes_lengths: int) -> None:
        self.pattern = pattern
        self.axes_lengths = axes_lengths

    def __call__(self, x: jax.Array) -> jax.Array:
        return einops.rearrange(x, self.pattern, **self.axes_lengths)


class Reduce(nnx.Module):
    """`einops.reduce` with `pattern`, `reduction` and the lengths of its axes as a layer."""

    def __init__(
        self,
        pattern: str,
        reduction: Literal["min", "max", "sum", "mean", "prod", "any", "all"],
        **axes_lengths: int,
    ) -> None:
        self.pattern = pattern
        self.reduction = reduction
        self.axes_lengths = axes_lengths

    def __call__(self, x: jax.Array) -> jax.Array:
        return einops.reduce(x, self.pattern, self.reduction, **self.axes_lengths)


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


def no_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator `torch.no_grad()`: no gradient flows through what the function gives back."""

    def stop(value: Any) -> Any:
        return jax.lax.stop_gradient(value) if isinstance(value, jax.Array) else value

    @functools.wraps(function)
    def without_gradient(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return jax.tree.map(stop, result, is_leaf=lambda item: isinstance(item, nnx.Module))

    return without_gradient


def split(x: jax.Array, sizes: int | Sequence[int], dim: int = 0) -> tuple[jax.Array, ...]:
    """`torch.split`: pieces of the given size, the last one smaller, or of the given sizes.

    `jnp.split` takes the number of pieces, or the places where to cut.
    """
    length = x.shape[dim]
    if isinstance(sizes, int):
        return tuple(jnp.split(x, list(range(sizes, length, sizes)), axis=dim))
    if sum(sizes) != length:
        raise ValueError(f"the sizes {list(sizes)} do not add up to {length}")
    cuts = [sum(sizes[:end]) for end in range(1, len(sizes))]
    return tuple(jnp.split(x, cuts, axis=dim))

SIZE, PATCH, CHANNELS = 12, 3, 3
N_CLASSES = 4
BATCH_SIZE = 32
EPOCHS = 12



class MlpBlock(nnx.Module):
    """Linear - GELU - Linear over the last axis."""

    def __init__(self, width, hidden, dropout=0., *, rngs: nnx.Rngs):
        self.net = Sequential(
            Linear(width, hidden, rngs=rngs),
            GELU(),
            Dropout(dropout, rngs=rngs),
            Linear(hidden, width, rngs=rngs),
            Dropout(dropout, rngs=rngs),
        )

    def __call__(self, x):
        return self.net(x)


class MixerLayer(nnx.Module):
    """Mixes what lies in different patches, then what lies in different channels."""

    def __init__(self, n_patches, dim, token_hidden, channel_hidden, dropout=0., *, rngs: nnx.Rngs):
        self.token_mix = Sequential(
            LayerNorm(dim),
            Rearrange('b n d -> b d n'),
            MlpBlock(n_patches, token_hidden, dropout, rngs=rngs),
            Rearrange('b d n -> b n d'),
        )
        self.channel_mix = Sequential(
            LayerNorm(dim),
            MlpBlock(dim, channel_hidden, dropout, rngs=rngs),
        )

    def __call__(self, x):
        x = x + self.token_mix(x)
        x = x + self.channel_mix(x)
        return x


class MLPMixer(nnx.Module):
    def __init__(self, dim=32, depth=2, token_hidden=32, channel_hidden=64, *, rngs: nnx.Rngs):
        n_patches = (SIZE // PATCH) ** 2
        self.stem = Sequential(
            Rearrange('b c (h p) (w q) -> b (h w) (p q c)', p=PATCH, q=PATCH),
            Linear(PATCH * PATCH * CHANNELS, dim, rngs=rngs),
        )
        self.mixers = nnx.List()
        for _ in range(depth):
            self.mixers.append(MixerLayer(n_patches, dim, token_hidden, channel_hidden, rngs=rngs))
        self.head = Sequential(
            LayerNorm(dim),
            Reduce('b n d -> b d', 'mean'),
            Linear(dim, N_CLASSES, rngs=rngs),
        )

    def __call__(self, x):
        x = self.stem(x)
        for mixer in self.mixers:
            x = mixer(x)
        return self.head(x)


def textures(n):
    rng = np.random.default_rng(0)
    half = SIZE // 2
    images = rng.normal(0.0, 0.5, size=(n, CHANNELS, SIZE, SIZE))
    labels = rng.integers(0, N_CLASSES, size=n)
    for image, label in zip(images, labels):
        top, left = half * (label // 2), half * (label % 2)
        image[:, top:top + half, left:left + half] *= 3.0
    return jnp.asarray(images.astype(np.float32)), jnp.asarray(labels)


images, labels = textures(256)
x_train, x_val = split(images, [224, 32])
y_train, y_val = split(labels, [224, 32])


def build():
    rngs = nnx.Rngs(0)
    return MLPMixer(rngs=rngs)


def run_epoch(model, criterion, optimizer, order):
    model.train()
    history = []
    for idx in split(order, BATCH_SIZE):
        x, y = x_train[idx], y_train[idx]

        def loss_fn(model):
            return criterion(model(x), y)

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        optimizer.update(model, grads)
        history.append(loss.item())
    return history


@no_grad
def validate(model):
    model.eval()
    logits = model(x_val)
    return (logits.argmax(axis=-1) == y_val).astype(jnp.float32).mean().item()


def train(model):
    criterion = CrossEntropyLoss(label_smoothing=0.1)
    optimizer = nnx.Optimizer(
        model,
        optax.chain(
            optax.clip_by_global_norm(1.0),
            optax.adamw(learning_rate=3e-3, weight_decay=0.05),
        ),
        wrt=nnx.Param,
    )
    rng = np.random.default_rng(1)
    losses = []
    for epoch in range(EPOCHS):
        order = jnp.asarray(rng.permutation(len(x_train)))
        losses.extend(run_epoch(model, criterion, optimizer, order))
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1:2d}  loss {losses[-1]:.4f}  val acc {validate(model):.3f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
