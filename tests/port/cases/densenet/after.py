"""A small DenseNet that tells crosses, squares and discs: a layer reads all layers before it."""
from typing import List
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


def _pool_padding(
    shape: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
) -> list[tuple[int, int]]:
    """What to pad before and after, so that whole windows fit.

    With `ceil_mode` a last window may hang over the right edge, if it starts before that edge.
    """
    pads = []
    for n, k, s, p, d in zip(shape, kernel_size, stride, padding, dilation, strict=True):
        reach = d * (k - 1) + 1
        windows = math.ceil((n + 2 * p - reach) / s) + 1
        if (windows - 1) * s >= n + p:
            windows -= 1
        overhang = (windows - 1) * s + reach - n - p
        pads.append((p, max(p, overhang) if ceil_mode else p))
    return pads


def _spatial(value: Any, rank: int) -> tuple[Any, ...]:
    """One value for each of `rank` spatial dimensions, from a sequence of them or one for all."""
    return tuple(value) if isinstance(value, Sequence) else (value,) * rank


def _avg_pool(
    rank: int,
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | Sequence[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> jax.Array:
    """The mean of each window over the last `rank` dimensions.

    Padding counts as zeros unless `count_include_pad` is False; what hangs over the right edge
    because of `ceil_mode` never counts. `divisor_override` replaces the count.
    """
    if not jnp.issubdtype(input.dtype, jnp.floating):
        raise ValueError(f"average pooling needs floating point numbers, not {input.dtype}")
    kernel_size = _spatial(kernel_size, rank)
    stride = kernel_size if stride is None else _spatial(stride, rank)
    padding, shape = _spatial(padding, rank), input.shape[-rank:]
    pads = _pool_padding(shape, kernel_size, stride, padding, (1,) * rank, ceil_mode)
    leading = input.ndim - rank
    total = jax.lax.reduce_window(
        input,
        0.0,
        jax.lax.add,
        (1,) * leading + kernel_size,
        (1,) * leading + stride,
        [(0, 0)] * leading + pads,
    )
    if divisor_override is not None:
        return total / divisor_override
    counts = []
    for n, k, s, p, windows in zip(
        shape, kernel_size, stride, padding, total.shape[-rank:], strict=True
    ):
        start = np.arange(windows) * s - p
        end = np.minimum(start + k, n + p)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        counts.append(end - start)
    return total / functools.reduce(np.multiply.outer, counts).astype(input.dtype)


class _AvgPool(nnx.Module):
    """The mean of each window; `stride` is the kernel's size if None."""

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = _spatial(kernel_size, self.spatial_dims)
        self.stride = self.kernel_size if stride is None else _spatial(stride, self.spatial_dims)
        self.padding = _spatial(padding, self.spatial_dims)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _avg_pool(
            self.spatial_dims,
            inputs,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPool):
    """`torch.nn.AvgPool2d`: inputs (…, H, W)."""

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


def adaptive_avg_pool2d(
    input: jax.Array, output_size: int | Sequence[int | None] | None
) -> jax.Array:
    """`torch.nn.functional.adaptive_avg_pool2d`: input (…, H, W); None keeps a size."""
    return _adaptive_pool(2, input, output_size, jnp.mean)


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


def _dropout(x: jax.Array, p: float, key: jax.Array, mask_shape: tuple[int, ...]) -> jax.Array:
    """`x` with a share `p` set to 0 and the rest divided by 1 - `p`, by a mask of `mask_shape`."""
    if p == 1:
        return jnp.zeros_like(x)
    return jnp.where(jax.random.bernoulli(key, 1 - p, mask_shape), x / (1 - p), 0)


def dropout(x: jax.Array, p: float, training: bool, key: jax.Array) -> jax.Array:
    """Single values set to 0 with probability `p`; `x` itself when not training."""
    return _dropout(x, p, key, x.shape) if training and p > 0 else x


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


def top_k(x: jax.Array, k: int, dim: int = -1, largest: bool = True) -> ValuesAndIndices:
    """`torch.topk`, always sorted; of equal values the first ones."""
    if largest:
        return ValuesAndIndices(*jax.lax.top_k(x, k, axis=dim % x.ndim))
    return _at(x, jax.lax.slice_in_dim(jnp.argsort(x, axis=dim), 0, k, axis=dim), dim)


class DenseLayer(nnx.Module):
    """A 1x1 convolution to a few channels and a 3x3 convolution to `growth` new ones."""

    deterministic = False  # train() and eval() set it

    def __init__(self, c_in: int, growth: int, p_drop: float = 0.0, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.bn1 = BatchNorm2d(c_in)
        self.squeeze = Conv2d(c_in, 2 * growth, kernel_size=1, bias=False, rngs=rngs)
        self.bn2 = BatchNorm2d(2 * growth)
        self.conv = Conv2d(2 * growth, growth, kernel_size=3, padding=1, bias=False, rngs=rngs)
        self.p_drop = p_drop

    def __call__(self, features: List[jax.Array]) -> jax.Array:
        x = jnp.concatenate(features, axis=1)
        x = self.squeeze(jax.nn.relu(self.bn1(x)))
        x = self.conv(jax.nn.relu(self.bn2(x)))
        if self.p_drop > 0:
            x = dropout(x, self.p_drop, training=not self.deterministic, key=self.rngs())
        return x


class DenseBlock(nnx.Module):
    def __init__(self, n_layers: int, c_in: int, growth: int, *, rngs: nnx.Rngs):
        self.layers = nnx.List()
        for i in range(n_layers):
            self.layers.append(DenseLayer(c_in + i * growth, growth, rngs=rngs))
        self.c_out = c_in + n_layers * growth

    def __call__(self, x: jax.Array) -> jax.Array:
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return jnp.concatenate(features, axis=1)


class Transition(Sequential):
    """Half of the channels, at half of the size."""

    def __init__(self, c_in: int, *, rngs: nnx.Rngs):
        super().__init__(
            BatchNorm2d(c_in),
            ReLU(inplace=True),
            Conv2d(c_in, c_in // 2, kernel_size=1, bias=False, rngs=rngs),
            AvgPool2d(kernel_size=2, stride=2),
        )


class DenseNet(nnx.Module):
    def __init__(self, growth: int = 6, depths=(2, 3), n_classes: int = 3, *, rngs: nnx.Rngs):
        channels = 2 * growth
        self.stem = Conv2d(1, channels, kernel_size=3, padding=1, bias=False, rngs=rngs)
        stages = []
        for i, depth in enumerate(depths):
            if i > 0:
                stages.append(Transition(channels, rngs=rngs))
                channels //= 2
            block = DenseBlock(depth, channels, growth, rngs=rngs)
            stages.append(block)
            channels = block.c_out
        self.stages = Sequential(*stages)
        self.norm = BatchNorm2d(channels)
        self.classifier = Linear(channels, n_classes, rngs=rngs)
        for m in modules(self):
            if isinstance(m, Conv2d):
                m.weight = init_kaiming_normal(rngs.params(), m.weight)
            elif isinstance(m, Linear):
                m.bias[...] = jnp.full_like(m.bias[...], 0)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = jax.nn.relu(self.norm(self.stages(self.stem(x))))
        x = adaptive_avg_pool2d(x, (1, 1))
        return self.classifier(x.reshape(x.shape[0], -1))


def shapes(n, size=9):
    """A cross, a square or a disc at a random place, in noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=n)
    cy, cx = rng.integers(3, size - 3, size=(2, n, 1, 1))
    yy, xx = np.mgrid[:size, :size]
    dy, dx = np.abs(yy - cy), np.abs(xx - cx)
    cross = ((dy == 0) | (dx == 0)) & (np.maximum(dy, dx) <= 2)
    square = np.maximum(dy, dx) == 2
    disc = dy ** 2 + dx ** 2 <= 5
    images = np.choose(labels[:, None, None], [cross, square, disc]).astype(np.float32)
    images += rng.normal(0, 0.4, size=images.shape).astype(np.float32)
    return jnp.expand_dims(jnp.asarray(images), 1), jnp.asarray(labels)


rngs = nnx.Rngs(0)
images, labels = shapes(208)
train_batches = [(images[i:i + 16], labels[i:i + 16]) for i in range(0, 160, 16)]
val_images, val_labels = images[160:], labels[160:]


def build(*, rngs: nnx.Rngs):
    return DenseNet(rngs=rngs)


def train(model, n_epochs=5):
    schedule = optax.piecewise_interpolate_schedule('cosine', 0.01 / 25.0, {0.3 * (n_epochs * len(train_batches)) - 1: 25.0, (n_epochs * len(train_batches)) - 1: 1 / (25.0 * 10000.0)})
    optimizer = optax.chain(optax.add_decayed_weights(1e-4), optax.adam(learning_rate=schedule))
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(n_epochs):
        model.train()
        for x, y in train_batches:
            x, y = x, y

            def loss_fn(model):
                return cross_entropy(model(x), y)

            loss, grads = nnx.value_and_grad(loss_fn)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        print("epoch [%d/%d]  loss %.4f  error %.4f"
              % (epoch + 1, n_epochs, losses[-1], error_rate(model)))
    return losses


def error_rate(model):
    model.eval()
    _, found = top_k(model(val_images), 1, dim=1)
    return (found.squeeze(1) != val_labels).astype(jnp.float32).mean().item()


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
