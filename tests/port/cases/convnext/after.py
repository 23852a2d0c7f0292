"""A ConvNeXt of two stages that tells the radius of a ring."""
import functools
import math
from collections.abc import Callable, Iterator, Sequence
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

    @property
    def weight(self) -> jax.Array:
        """The kernel in torch's layout, (out, in / groups, *spatial)."""
        return jnp.moveaxis(self.kernel[...], (-1, -2), (0, 1))

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.kernel[...] = jnp.moveaxis(value, (0, 1), (-1, -2))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        channels = -1 - self.spatial_dims
        if self.edge_mode is not None:
            kept = [(0, 0)] * (inputs.ndim - self.spatial_dims)
            inputs = jnp.pad(inputs, [*kept, *self.edges], mode=self.edge_mode)
        return jnp.moveaxis(super().__call__(jnp.moveaxis(inputs, channels, -1)), -1, channels)


class Conv2d(_Conv):
    """`torch.nn.Conv2d`: inputs (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


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


def bernoulli_like(key: jax.Array, x: jax.Array, p: jax.Array | float = 0.5) -> jax.Array:
    """`x.bernoulli_`: 1 with probability `p`, else 0, with the shape and type of `x`."""
    return jax.random.bernoulli(key, p, x.shape).astype(x.dtype)


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


def init_trunc_normal(
    key: jax.Array,
    x: jax.Array,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
) -> jax.Array:
    """Values like `x`, normal but only from `a` to `b`, which are no multiples of `std`.

    Raises:
        ValueError: `mean` is more than 4 `std` outside, where float32 can't tell the values apart.
    """
    lower, upper = (a - mean) / std, (b - mean) / std
    if lower > 4 or upper < -4:
        raise ValueError(f"a mean of {mean} is too far from [{a}, {b}] for a std of {std}")
    # Beyond 5.5 the distribution function is 0 or 1 in float32, and a sample could be infinite.
    lower, upper = max(lower, -5.5), min(upper, 5.5)
    sample = jax.random.truncated_normal(key, lower, upper, x.shape, x.dtype)
    return jnp.clip(mean + std * sample, a, b)


class DropPath(nnx.Module):
    """Leaves out the residual branch of some samples while training."""

    deterministic = False  # train() and eval() set it

    def __init__(self, p: float = 0., *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.p = p

    def __call__(self, x):
        if self.p == 0. or self.deterministic:
            return x
        keep = 1 - self.p
        mask = bernoulli_like(self.rngs(), jnp.empty(((x.shape[0],) + (1,) * (x.ndim - 1),), dtype=x.dtype), keep)
        return x * mask / keep


class ChannelNorm(nnx.Module):
    """LayerNorm over the channels of (batch, channels, height, width)."""

    def __init__(self, channels, eps=1e-6):
        self.weight = nnx.Param(jnp.ones(channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.eps = eps

    def __call__(self, x):
        mean = x.mean(axis=1, keepdims=True)
        var = ((x - mean) ** 2).mean(axis=1, keepdims=True)
        x = (x - mean) / jnp.sqrt(var + self.eps)
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class Block(nnx.Module):
    """Depthwise convolution, then an MLP on channels that lie last, scaled by gamma."""

    def __init__(self, dim, drop_path=0., layer_scale=1e-6, *, rngs: nnx.Rngs):
        self.depthwise = Conv2d(dim, dim, kernel_size=5, padding=2, groups=dim, rngs=rngs)
        self.norm = LayerNorm(dim, eps=1e-6)
        self.expand = Linear(dim, 4 * dim, rngs=rngs)
        self.act = GELU()
        self.reduce = Linear(4 * dim, dim, rngs=rngs)
        if layer_scale > 0:
            self.gamma = nnx.Param(layer_scale * jnp.ones(dim))
        else:
            self.gamma = None
        self.drop_path = DropPath(drop_path, rngs=rngs) if drop_path > 0. else Identity()

    def __call__(self, x):
        residual = x
        x = self.depthwise(x).transpose(0, 2, 3, 1)
        x = self.reduce(self.act(self.expand(self.norm(x))))
        if self.gamma is not None:
            x = self.gamma[...] * x
        return residual + self.drop_path(x.transpose(0, 3, 1, 2))


class ConvNeXt(nnx.Module):
    def __init__(self, n_classes, channels=3, depths=(1, 2), dims=(12, 24), drop_path=0.,
                 layer_scale=1e-6, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        rates = [r.item() for r in jnp.linspace(0, drop_path, sum(depths))]
        self.reducers = nnx.List()
        self.stages = nnx.List()
        previous = channels
        for i, (depth, dim) in enumerate(zip(depths, dims)):
            patches = Conv2d(previous, dim, kernel_size=2, stride=2, rngs=rngs)
            # the first norm comes after the patches, the others before them
            self.reducers.append(Sequential(patches, ChannelNorm(dim)) if i == 0 else
                                 Sequential(ChannelNorm(previous), patches))
            self.stages.append(Sequential(
                *[Block(dim, rates[sum(depths[:i]) + j], layer_scale, rngs=rngs) for j in range(depth)]))
            previous = dim
        self.norm = LayerNorm(previous, eps=1e-6)
        self.head = Linear(previous, n_classes, rngs=rngs)
        apply(self, self._init_weights)

    def _init_weights(self, m):
        if isinstance(m, (Conv2d, Linear)):
            m.weight = init_trunc_normal(self.rngs(), m.weight, std=.1)
            m.bias[...] = jnp.full_like(m.bias[...], 0)

    def features(self, x):
        for reducer, stage in zip(self.reducers, self.stages):
            x = stage(reducer(x))
        return self.norm(x.mean(axis=[-2, -1]))

    def __call__(self, x):
        return self.head(self.features(x))


rngs = nnx.Rngs(0)

rng = np.random.default_rng(0)
radius = rng.integers(0, 4, size=192)
yy, xx = np.mgrid[-1:1:12j, -1:1:12j]
rings = np.exp(-20 * (np.hypot(yy, xx)[None] - 0.2 * (radius + 1)[:, None, None]) ** 2)
images = rings[:, None] + rng.normal(0, 0.6, size=(192, 3, 12, 12))
images = jnp.array(images).astype(jnp.float32)
labels = jnp.array(radius)


def build(*, rngs: nnx.Rngs):
    model = ConvNeXt(n_classes=4, layer_scale=1e-2, rngs=rngs)
    return model


def train(model, epochs=9, batch_size=24):
    schedule = lambda count: 0.004 * (1 + jnp.cos(jnp.pi * (count % (2 * (epochs * (len(images) // batch_size)))) / (epochs * (len(images) // batch_size)))) / 2
    optimizer = optax.adamw(learning_rate=schedule, weight_decay=0.05)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    n_batches = len(images) // batch_size
    losses = []
    for epoch in range(epochs):
        model.train()
        for b in range(n_batches):
            rows = slice(b * batch_size, (b + 1) * batch_size)

            def loss_fn(model):
                return cross_entropy(model(images[rows]), labels[rows])

            loss, grads = nnx.value_and_grad(loss_fn)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        model.eval()
        accuracy = (model(images).argmax(axis=1) == labels).astype(jnp.float32).mean()
        accuracy = jax.lax.stop_gradient(accuracy)
        print(f"epoch {epoch}: loss {losses[-1]:.4f}, accuracy {accuracy.item():.3f}")
    return losses


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
