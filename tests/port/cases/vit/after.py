"""A vision transformer on noisy pictures: in which quarter is the bright bar?"""
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np
from einops import rearrange, repeat


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


class Identity(nnx.Module):
    """`torch.nn.Identity`: returns its input, whatever it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, x: Any) -> Any:
        return x


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


class Softmax(nnx.Module):
    """`torch.nn.Softmax` along axis `dim`."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(x, axis=self.dim)


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


class SelfAttention(nnx.Module):
    def __init__(self, dim, heads, dim_head, dropout=0., *, rngs: nnx.Rngs):
        inner = heads * dim_head
        self.heads = heads
        self.scale = dim_head ** -0.5
        self.norm = LayerNorm(dim)
        self.to_q = Linear(dim, inner, bias=False, rngs=rngs)
        self.to_kv = Linear(dim, 2 * inner, bias=False, rngs=rngs)
        self.softmax = Softmax(dim=-1)
        # one head of the full width needs no mixing
        self.to_out = Identity() if heads == 1 and inner == dim else Sequential(
            Linear(inner, dim, rngs=rngs), Dropout(dropout, rngs=rngs))

    def __call__(self, x):
        x = self.norm(x)
        qkv = (self.to_q(x), *jnp.split(self.to_kv(x), 2, axis=-1))
        q, k, v = map(lambda t: rearrange(t, 'b n (h d) -> b h n d', h=self.heads), qkv)
        similarity = jnp.einsum('b h i d, b h j d -> b h i j', q * self.scale, k)
        out = jnp.einsum('b h i j, b h j d -> b h i d', self.softmax(similarity), v)
        return self.to_out(rearrange(out, 'b h n d -> b n (h d)'))


def mlp(dim, hidden, dropout=0., *, rngs: nnx.Rngs):
    return Sequential(
        LayerNorm(dim),
        Linear(dim, hidden, rngs=rngs),
        GELU(),
        Dropout(dropout, rngs=rngs),
        Linear(hidden, dim, rngs=rngs),
    )


class VisionTransformer(nnx.Module):
    def __init__(self, *, image_size, patch, n_classes, dim, depth, heads, dim_head=8,
                 channels=3, pool='cls', dropout=0., rngs: nnx.Rngs):
        if image_size % patch:
            raise ValueError('the patches do not cover the image')
        assert pool in {'cls', 'mean'}
        n_patches = (image_size // patch) ** 2
        self.patch = patch
        self.pool = pool
        self.embed = Linear(channels * patch ** 2, dim, rngs=rngs)
        self.cls_token = nnx.Param(jnp.zeros((1, 1, dim)))
        self.positions = nnx.Param(jax.random.normal(rngs.params(), (1, n_patches + 1, dim)) * 0.02)
        self.layers = nnx.List([])
        for _ in range(depth):
            self.layers.append(nnx.List([
                SelfAttention(dim, heads, dim_head, dropout, rngs=rngs),
                mlp(dim, 2 * dim, dropout, rngs=rngs),
            ]))
        self.head = Sequential(LayerNorm(dim), Linear(dim, n_classes, rngs=rngs))

    def __call__(self, img):
        x = rearrange(img, 'b c (h p) (w q) -> b (h w) (p q c)', p=self.patch, q=self.patch)
        x = self.embed(x)
        cls = repeat(self.cls_token[...], '1 1 d -> b 1 d', b=x.shape[0])
        x = jnp.concatenate((cls, x), axis=1)
        x += self.positions[:, :x.shape[1]]
        for attention, feed_forward in self.layers:
            x = attention(x) + x
            x = feed_forward(x) + x
        x = x.mean(axis=1) if self.pool == 'mean' else x[:, 0]
        return self.head(x)


def bars(n=256, size=16):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, size=n)
    x = rng.normal(0, 0.3, size=(n, 3, size, size)).astype(np.float32)
    half = size // 2
    for i, label in enumerate(y):
        row, col = divmod(int(label), 2)
        top = row * half + rng.integers(0, half - 1)
        x[i, :, top:top + 2, col * half:(col + 1) * half] += 1.5
    return jnp.asarray(x), jnp.asarray(y)


images, labels = bars()
images, labels = images, labels


def build():
    rngs = nnx.Rngs(0)
    model = VisionTransformer(image_size=16, patch=4, n_classes=4, dim=32, depth=2, heads=4, rngs=rngs)
    return model


def train(model, epochs=9, batch_size=32):
    optimizer = optax.adam(learning_rate=2e-3)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(epochs):
        model.train()
        accuracy = 0
        chunks = list(zip(split(images, batch_size), split(labels, batch_size)))
        for x, y in chunks:
            def loss_fn(model):
                scores = model(x)
                return cross_entropy(scores, y), scores

            (loss, scores), grads = nnx.value_and_grad(loss_fn, has_aux=True)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            accuracy += (scores.argmax(axis=1) == y).astype(jnp.float32).mean().item()
            losses.append(loss.item())
        print(f'epoch {epoch + 1}: loss {losses[-1]:.4f}, accuracy {accuracy / len(chunks):.4f}')
    return losses


if __name__ == '__main__':
    model = build()
    losses = train(model)
