"""A little mobile network: inverted residuals with squeeze-and-excitation."""
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


def _spatial(value: Any, rank: int) -> tuple[Any, ...]:
    """One value for each of `rank` spatial dimensions, from a sequence of them or one for all."""
    return tuple(value) if isinstance(value, Sequence) else (value,) * rank


def _adaptive_pool(
    rank: int,
    input: jax.Array,
    output_size: int | Sequence[int | None] | None,
    reduce: Callable[[jax.Array, int], jax.Array],
) -> jax.Array:
    """Splits each of the last `rank` dimensions into windows of about one size and reduces them.

    Window i of m over n places is [floor(i n / m), ceil((i + 1) n / m)): windows overlap where m
    does not divide n. A size of None keeps the dimension as it is.
    """
    first = input.ndim - rank
    # The last dimension comes first, so that a maximum is the first in row-major order.
    for axis, m in reversed([*enumerate(_spatial(output_size, rank), start=first)]):
        n = input.shape[axis]
        if m is None or m == n:
            continue
        if n % m == 0:
            split = (*input.shape[:axis], m, n // m, *input.shape[axis + 1 :])
            input = reduce(input.reshape(split), axis + 1)
        else:
            windows = [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
            parts = [reduce(jax.lax.slice_in_dim(input, a, b, axis=axis), axis) for a, b in windows]
            input = jnp.stack(parts, axis)
    return input


class _AdaptiveAvgPool(nnx.Module):
    """The means of `output_size` windows; None keeps a size."""

    spatial_dims: ClassVar[int]

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        self.output_size = _spatial(output_size, self.spatial_dims)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _adaptive_pool(self.spatial_dims, inputs, self.output_size, jnp.mean)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """`torch.nn.AdaptiveAvgPool2d`: inputs (…, H, W)."""

    spatial_dims = 2


class _BatchNorm(nnx.Module):
    """Batch normalization with the running statistics that torch keeps, on (N, C, …).

    Unlike in `nnx.BatchNorm` the running variance is the unbiased one, `momentum` is the weight of
    the new batch (None: the mean of all batches), and one value a channel raises ValueError.
    Without running statistics the batch's own are used in evaluation too.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.track_running_stats = track_running_stats
        self.use_running_average = False
        ones, zeros = jnp.ones(num_features), jnp.zeros(num_features)
        self.scale = nnx.Param(ones) if affine else nnx.data(None)
        self.bias = nnx.Param(zeros) if affine and bias else nnx.data(None)
        if track_running_stats:
            self.mean, self.var = nnx.BatchStat(zeros), nnx.BatchStat(ones)
            self.num_batches_tracked = nnx.BatchStat(jnp.array(0))

    @property
    def weight(self) -> jax.Array:
        """The scale, by torch's name."""
        return self.scale[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.scale[...] = value

    def __call__(self, inputs: jax.Array, use_running_average: bool | None = None) -> jax.Array:
        if use_running_average is None:
            use_running_average = self.use_running_average
        if use_running_average and self.track_running_stats:
            mean, var = self.mean[...], self.var[...]
        else:
            axes = (0, *range(2, inputs.ndim))
            count = inputs.size // self.num_features
            if count == 1:
                raise ValueError(f"one value a channel has no variance: {inputs.shape}")
            mean, var = inputs.mean(axes), inputs.var(axes)
            if self.track_running_stats:
                self._track(mean, var * (count / (count - 1)))
        shape = (-1, *[1] * (inputs.ndim - 2))
        y = (inputs - mean.reshape(shape)) * jax.lax.rsqrt(var + self.eps).reshape(shape)
        if self.scale is not None:
            y = y * self.scale[...].reshape(shape)
        return y if self.bias is None else y + self.bias[...].reshape(shape)

    def _track(self, mean: jax.Array, var: jax.Array) -> None:
        """Moves the running statistics towards those of a batch."""
        self.num_batches_tracked[...] += 1
        weight = 1 / self.num_batches_tracked[...] if self.momentum is None else self.momentum
        for running, new in ((self.mean, mean), (self.var, var)):
            running[...] += weight * (jax.lax.stop_gradient(new) - running[...])


class BatchNorm2d(_BatchNorm):
    """`torch.nn.BatchNorm2d`: inputs (N, C, H, W)."""


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


class Hardswish(nnx.Module):
    """`torch.nn.Hardswish`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.hard_swish(x)


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


class ReLU6(nnx.Module):
    """`torch.nn.ReLU6`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.relu6(x)


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


def adaptive_avg_pool2d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_avg_pool2d`: input (…, H, W); None keeps a size."""
    return _adaptive_pool(2, input, output_size, jnp.mean)


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


def init_calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the size of values through `nonlinearity`.

    Args:
        nonlinearity: torch's name of it, as "relu"; "linear" and "conv1d" among them.
        param: the slope of "leaky_relu", 0.01 if None; without effect on others.

    Raises:
        ValueError: torch has no gain for `nonlinearity`.
    """
    slope = 0.01 if param is None else param
    gains = {
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    ones = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
            "conv_transpose3d", "sigmoid")  # fmt: skip
    if nonlinearity in ones:
        return 1.0
    if nonlinearity not in gains:
        raise ValueError(f"no gain is known for {nonlinearity!r}")
    return gains[nonlinearity]


def init_fans(x: jax.Array) -> tuple[int, int]:
    """How many inputs an output of weights like `x` has, and how many outputs an input.

    Raises:
        ValueError: `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError("weights with less than two axes have no fans")
    field = math.prod(x.shape[2:])
    return x.shape[1] * field, x.shape[0] * field


def _kaiming_std(x: jax.Array, a: float, mode: str, nonlinearity: str) -> float:
    """The gain of `nonlinearity` over sqrt(fan); arguments as for `init_kaiming_normal`."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', not {mode!r}")
    fan_in, fan_out = init_fans(x)
    fan = fan_in if mode == "fan_in" else fan_out
    return init_calculate_gain(nonlinearity, a) / math.sqrt(fan)


def init_normal(key: jax.Array, x: jax.Array, mean: float = 0.0, std: float = 1.0) -> jax.Array:
    """Values like `x`, normal with mean `mean` and standard deviation `std`."""
    return mean + std * jax.random.normal(key, x.shape, x.dtype)


def init_kaiming_normal(
    key: jax.Array,
    x: jax.Array,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> jax.Array:
    """Values like `x`, normal with standard deviation gain / sqrt(fan).

    Args:
        key: a PRNG key.
        x: an array of the shape and dtype that is wanted.
        a: the slope of "leaky_relu".
        mode: whether the fan is that of inputs or of outputs.
        nonlinearity: what the gain is for, see `init_calculate_gain`.
    """
    return init_normal(key, x, std=_kaiming_std(x, a, mode, nonlinearity))


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


def round_channels(wanted, divisor=4):
    """The multiple of `divisor` nearest to `wanted`."""
    return max(divisor, int(wanted + divisor / 2) // divisor * divisor)


class SqueezeExcite(nnx.Module):
    """Scales every channel by what the means of all channels say."""

    def __init__(self, channels, reduction=4, *, rngs: nnx.Rngs):
        squeezed = round_channels(channels / reduction)
        self.pool = AdaptiveAvgPool2d(1)
        self.fc1 = Linear(channels, squeezed, rngs=rngs)
        self.fc2 = Linear(squeezed, channels, rngs=rngs)

    def __call__(self, x):
        b, c, _, _ = x.shape
        s = self.pool(x).reshape(b, c)
        s = jax.nn.hard_sigmoid(self.fc2(jax.nn.relu(self.fc1(s))))
        return x * jnp.broadcast_to(s.reshape(b, c, 1, 1), x.shape)


class ConvNormAct(Sequential):
    def __init__(self, c_in, c_out, kernel_size=3, stride=1, groups=1, act=ReLU6, *, rngs: nnx.Rngs):
        super().__init__(
            Conv2d(c_in, c_out, kernel_size, stride, padding=kernel_size // 2, groups=groups,
                      bias=False,
                      rngs=rngs),
            BatchNorm2d(c_out),
            act(inplace=True),
        )


class InvertedResidual(nnx.Module):
    """Widen, convolve each channel for itself, weigh the channels, narrow."""

    def __init__(self, c_in, c_out, stride, expand, se, act, *, rngs: nnx.Rngs):
        self.residual = stride == 1 and c_in == c_out
        wide = c_in * expand
        layers = []
        if expand != 1:
            layers.append(ConvNormAct(c_in, wide, kernel_size=1, act=act, rngs=rngs))
        layers.append(ConvNormAct(wide, wide, stride=stride, groups=wide, act=act, rngs=rngs))
        if se:
            layers.append(SqueezeExcite(wide, rngs=rngs))
        layers.extend([Conv2d(wide, c_out, 1, bias=False, rngs=rngs), BatchNorm2d(c_out)])
        self.block = Sequential(*layers)

    def __call__(self, x):
        out = self.block(x)
        if self.residual:
            out = out + x
        return out


class MobileNet(nnx.Module):
    settings = [
        # expand, channels, repeats, stride, se, activation
        (1, 8, 1, 1, True, ReLU6),
        (3, 12, 2, 2, False, ReLU6),
        (3, 16, 2, 2, True, Hardswish),
    ]

    def __init__(self, n_classes, width=1.0, dropout=0.0, *, rngs: nnx.Rngs):
        channels = round_channels(8 * width)
        layers = [ConvNormAct(3, channels, rngs=rngs)]
        for expand, c, repeats, stride, se, act in self.settings:
            c_out = round_channels(c * width)
            for i in range(repeats):
                layers.append(InvertedResidual(
                    channels, c_out, stride if i == 0 else 1, expand, se, act, rngs=rngs))
                channels = c_out
        self.features = Sequential(*layers)
        self.classifier = Sequential(
            Linear(channels, 32, rngs=rngs), Hardswish(), Dropout(p=dropout, rngs=rngs),
            Linear(32, n_classes, rngs=rngs))
        apply(self, functools.partial(self.init_weights, rngs=rngs))

    @staticmethod
    def init_weights(m, *, rngs: nnx.Rngs):
        if isinstance(m, Conv2d):
            m.weight = init_kaiming_normal(rngs(), m.weight, mode='fan_out')
        elif isinstance(m, Linear):
            m.weight = init_normal(rngs(), m.weight, mean=0, std=0.1)
            m.bias[...] = jnp.zeros_like(m.bias[...])

    def __call__(self, x):
        x = self.features(x)
        x = adaptive_avg_pool2d(x, 1).reshape(x.shape[0], -1)
        return self.classifier(x)



# confetti of four colours, one of which lies there more often
rng = np.random.default_rng(0)
palette = rng.uniform(-1, 1, size=(4, 3))
labels = rng.integers(0, 4, size=192)
confetti = np.where(rng.random((192, 8, 8)) < 0.3, labels[:, None, None],
                    rng.integers(0, 4, size=(192, 8, 8)))
images = palette[confetti].transpose(0, 3, 1, 2) + rng.normal(0, 0.2, size=(192, 3, 8, 8))
images = jnp.array(images, dtype=jnp.float32)
labels = jnp.array(labels, dtype=int)
train_images, train_labels = images[:160], labels[:160]
test_images, test_labels = images[160:], labels[160:]


def build():
    rngs = nnx.Rngs(0)
    net = MobileNet(n_classes=4, rngs=rngs)
    return net


def train(net, epochs=5, batch_size=16):
    criterion = CrossEntropyLoss()
    schedule = optax.cosine_decay_schedule(0.003, decay_steps=epochs, alpha=0.0001 / 0.003)
    optimizer = optax.chain(
        optax.add_decayed_weights(4e-5),
        optax.adam(
            learning_rate=lambda count: schedule(count // len(range(0, len(train_images), batch_size))),
        ),
    )
    opt_state = optimizer.init(nnx.state(net, nnx.Param))
    losses = []
    for epoch in range(epochs):
        net.train()
        correct = 0
        for i in range(0, len(train_images), batch_size):
            inputs = train_images[i:i + batch_size]
            targets = train_labels[i:i + batch_size]

            def loss_fn(net):
                outputs = net(inputs)
                return criterion(outputs, targets), outputs

            (loss, outputs), grads = nnx.value_and_grad(loss_fn, has_aux=True)(net)
            params = nnx.state(net, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(net, params)
            losses.append(loss.item())
            _, predicted = max_with_indices(outputs, 1)
            correct += (predicted == targets).sum().item()
        print('epoch %d | loss %.3f | train %.1f%% | test %.1f%%' % (
            epoch, losses[-1], 100. * correct / len(train_images), test(net)))
    return losses


def test(net):
    net.eval()
    predicted = net(test_images).argmax(axis=1)
    return 100. * (predicted == test_labels).sum().item() / len(test_labels)


if __name__ == '__main__':
    model = build()
    losses = train(model)
