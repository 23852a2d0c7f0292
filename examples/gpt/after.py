"""A character-level decoder-only transformer on a nursery rhyme."""
import math
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


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


def no_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator `torch.no_grad()`: no gradient flows through what the function gives back."""

    def stop(value: Any) -> Any:
        return jax.lax.stop_gradient(value) if isinstance(value, jax.Array) else value

    @functools.wraps(function)
    def without_gradient(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return jax.tree.map(stop, result, is_leaf=lambda item: isinstance(item, nnx.Module))

    return without_gradient


def torch_split(x: jax.Array, sizes: int | Sequence[int], dim: int = 0) -> tuple[jax.Array, ...]:
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

rngs = nnx.Rngs(0)

CONTEXT = 16
WIDTH = 32
HEADS = 4
DEPTH = 2
P_DROP = 0.0

rhyme = "one for sorrow, two for joy, three for a girl and four for a boy; " * 14
alphabet = sorted(set(rhyme))
to_id = {c: i for i, c in enumerate(alphabet)}
ids = jnp.array([to_id[c] for c in rhyme], dtype=int)
cut = len(ids) * 9 // 10
splits = {"train": ids[:cut], "valid": ids[cut:]}
rng = np.random.default_rng(0)


def draw(split, batch_size=8):
    """Windows of the text, and the same windows one character later."""
    source = splits[split]
    offsets = rng.integers(0, len(source) - CONTEXT, size=batch_size)
    x = jnp.stack([source[o:o + CONTEXT] for o in offsets])
    y = jnp.stack([source[o + 1:o + 1 + CONTEXT] for o in offsets])
    return x, y


class MaskedAttention(nnx.Module):
    """Every position sees itself and the positions before it."""

    def __init__(self, width, heads, *, rngs: nnx.Rngs):
        assert width % heads == 0, "the heads share the width evenly"
        self.heads = heads
        self.head_width = width // heads
        self.to_qkv = Linear(width, 3 * width, rngs=rngs)
        self.merge = Linear(width, width, rngs=rngs)
        self.drop = Dropout(P_DROP, rngs=rngs)
        self.visible = nnx.BatchStat(jnp.tril(jnp.ones((CONTEXT, CONTEXT))))

    def __call__(self, x):
        b, t, width = x.shape
        q, k, v = torch_split(self.to_qkv(x), width, dim=2)
        q = q.reshape(b, t, self.heads, self.head_width).swapaxes(1, 2)
        k = k.reshape(b, t, self.heads, self.head_width).swapaxes(1, 2)
        v = v.reshape(b, t, self.heads, self.head_width).swapaxes(1, 2)
        weights = q @ k.swapaxes(-2, -1) / math.sqrt(self.head_width)
        weights = jnp.where(self.visible[:t, :t] == 0, float("-inf"), weights)
        weights = self.drop(jax.nn.softmax(weights, axis=-1))
        mixed = (weights @ v).swapaxes(1, 2).reshape(b, t, width)
        return self.merge(mixed)


class Layer(nnx.Module):
    def __init__(self, width, heads, *, rngs: nnx.Rngs):
        self.norm_attention = LayerNorm(width)
        self.attention = MaskedAttention(width, heads, rngs=rngs)
        self.norm_mlp = LayerNorm(width)
        self.mlp = Sequential(
            Linear(width, 4 * width, rngs=rngs), GELU(), Linear(4 * width, width, rngs=rngs), Dropout(P_DROP, rngs=rngs)
        )

    def __call__(self, x):
        x = x + self.attention(self.norm_attention(x))
        x = x + self.mlp(self.norm_mlp(x))
        return x


class CharGPT(nnx.Module):
    def __init__(self, n_chars, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.chars = Embedding(n_chars, WIDTH, rngs=rngs)
        self.places = Embedding(CONTEXT, WIDTH, rngs=rngs)
        self.layers = Sequential(*[Layer(WIDTH, HEADS, rngs=rngs) for _ in range(DEPTH)])
        self.norm = LayerNorm(WIDTH)
        self.head = Linear(WIDTH, n_chars, rngs=rngs)
        apply(self, self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, Linear):
            module.weight = init_normal(self.rngs(), module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                module.bias[...] = jnp.zeros_like(module.bias[...])
        elif isinstance(module, Embedding):
            module.weight = init_normal(self.rngs(), module.weight, mean=0.0, std=0.02)

    def __call__(self, x, y=None):
        b, t = x.shape
        places = jnp.arange(t)
        h = self.chars(x) + self.places(places)
        logits = self.head(self.norm(self.layers(h)))
        if y is None:
            return logits, None
        return logits, cross_entropy(logits.reshape(b * t, -1), y.reshape(b * t))

    def write(self, x, n):
        """`x` and the `n` likeliest characters after it."""
        for _ in range(n):
            logits, _ = self(x[:, -CONTEXT:])
            best = jnp.argmax(logits[:, -1, :], axis=-1, keepdims=True)
            x = jnp.concatenate((x, best), axis=1)
        return x


@no_grad
def validate(model, n_batches=5):
    model.eval()
    found = jnp.zeros(n_batches)
    for i in range(n_batches):
        x, y = draw("valid")
        _, loss = model(x, y)
        found = found.at[i].set(loss.item())
    model.train()
    return found.mean().item()


def build(*, rngs: nnx.Rngs):
    return CharGPT(len(alphabet), rngs=rngs)


def train(model, steps=80):
    optimizer = optax.adamw(learning_rate=3e-3, weight_decay=0.01)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    model.train()
    losses = []
    for step in range(steps):
        x, y = draw("train")

        def loss_fn(model):
            _, loss = model(x, y)
            return loss

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)
        losses.append(loss.item())
        if step % 20 == 19:
            print(f"step {step + 1}: train {loss.item():.4f}, valid {validate(model):.4f}")
    return losses


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
    start = jnp.array([[to_id["o"]]])
    print("".join(alphabet[i] for i in model.write(start, 40)[0].tolist()))
