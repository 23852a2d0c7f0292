"""A small residual network that tells the direction of stripes."""
from typing import List, Optional
import functools
import itertools
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


def default_collate(items: list[Any]) -> Any:
    """Items as one batch: arrays and numbers stacked, tuples, lists and dicts of them kept."""
    first = items[0]
    if isinstance(first, dict):
        return {key: default_collate([item[key] for item in items]) for key in first}
    if isinstance(first, tuple | list):
        return [default_collate(list(column)) for column in zip(*items, strict=True)]
    if isinstance(first, str | bytes):
        return items
    return jnp.stack([jnp.asarray(item) for item in items])


class DataLoader:
    """`torch.utils.data.DataLoader` without worker processes: batches of stacked items.

    Shuffling draws a new order from `rngs` for each pass over the data.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        persistent_workers: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.collate_fn = collate_fn or default_collate
        self.drop_last = drop_last
        self.rngs = rngs.fork()

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        order = np.arange(count)
        if self.shuffle:
            order = np.asarray(jax.random.permutation(self.rngs(), count))
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.collate_fn([self.dataset[int(row)] for row in rows])

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full if self.drop_last or not rest else full + 1


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


def _first_max(x: jax.Array, axis: int) -> jax.Array:
    """The maximum along `axis`; its gradient goes to the first of equal values, as in torch."""
    return jnp.take_along_axis(x, jnp.argmax(x, axis, keepdims=True), axis).squeeze(axis)


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


def _window_items(
    x: jax.Array, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> jax.Array:
    """What the windows over the last dimensions hold: (*leading, items of a window, *windows)."""
    rank = len(kernel_size)
    windows = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[-rank:], kernel_size, stride, dilation, strict=True)
    ]
    items = []
    for item in itertools.product(*map(range, kernel_size)):
        starts = [i * d for i, d in zip(item, dilation, strict=True)]
        places = [
            slice(start, start + (count - 1) * s + 1, s)
            for start, count, s in zip(starts, windows, stride, strict=True)
        ]
        index = (..., *places)
        items.append(x[index])
    return jnp.stack(items, axis=-1 - rank)


def _max_pool(
    rank: int,
    input: jax.Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | Sequence[int],
    dilation: int | Sequence[int],
    ceil_mode: bool,
) -> jax.Array:
    """The maximum of each window over the last `rank` dimensions."""
    kernel_size, dilation = _spatial(kernel_size, rank), _spatial(dilation, rank)
    stride = kernel_size if stride is None else _spatial(stride, rank)
    padding = _spatial(padding, rank)
    pads = _pool_padding(input.shape[-rank:], kernel_size, stride, padding, dilation, ceil_mode)
    leading = input.ndim - rank
    if any(step != 1 for step in dilation):
        # reduce_window has no gradient for spread windows.
        x = jnp.pad(input, [(0, 0)] * leading + pads, constant_values=-jnp.inf)
        return _first_max(_window_items(x, kernel_size, stride, dilation), -1 - rank)
    return jax.lax.reduce_window(
        input,
        -jnp.inf,
        jax.lax.max,
        (1,) * leading + kernel_size,
        (1,) * leading + stride,
        [(0, 0)] * leading + pads,
    )


class _MaxPool(nnx.Module):
    """The maximum of each window; `stride` is the kernel's size if None."""

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        return_indices: Literal[False] = False,
        ceil_mode: bool = False,
    ) -> None:
        if return_indices:
            raise ValueError("max pooling does not return indices here")
        self.kernel_size = _spatial(kernel_size, self.spatial_dims)
        self.stride = self.kernel_size if stride is None else _spatial(stride, self.spatial_dims)
        self.padding = _spatial(padding, self.spatial_dims)
        self.dilation = _spatial(dilation, self.spatial_dims)
        self.ceil_mode = ceil_mode

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _max_pool(
            self.spatial_dims,
            inputs,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
        )


class MaxPool2d(_MaxPool):
    """`torch.nn.MaxPool2d`: inputs (…, H, W)."""

    spatial_dims = 2


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


class Dataset:
    """`torch.utils.data.Dataset`: something with `__getitem__` and `__len__`."""


class TensorDataset(Dataset):
    """`torch.utils.data.TensorDataset`: items are tuples of one row of each array."""

    def __init__(self, *tensors: jax.Array) -> None:
        if any(len(tensor) != len(tensors[0]) for tensor in tensors):
            raise ValueError("all arrays of a TensorDataset must have the same length")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[jax.Array, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


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


class BasicBlock(nnx.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, c_in: int, c_out: int, stride: int = 1,
                 downsample: Optional[nnx.Module] = None, *, rngs: nnx.Rngs) -> None:
        self.conv1 = Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False, rngs=rngs)
        self.bn1 = BatchNorm2d(c_out)
        self.conv2 = Conv2d(c_out, c_out, 3, padding=1, bias=False, rngs=rngs)
        self.bn2 = BatchNorm2d(c_out)
        self.relu = ReLU(inplace=True)
        self.downsample = downsample

    def __call__(self, x: jax.Array) -> jax.Array:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += shortcut
        return self.relu(out)


class ResNet(nnx.Module):
    def __init__(self, block, depths: List[int], widths: List[int], n_classes: int, *, rngs: nnx.Rngs) -> None:
        self.rngs = rngs.fork()
        self.channels = widths[0]
        self.stem = Sequential(
            Conv2d(3, self.channels, kernel_size=3, padding=1, bias=False, rngs=rngs),
            BatchNorm2d(self.channels),
            ReLU(inplace=True),
            MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        self.layer1 = self._stage(block, widths[0], depths[0], rngs=rngs)
        self.layer2 = self._stage(block, widths[1], depths[1], stride=2, rngs=rngs)
        self.layer3 = self._stage(block, widths[2], depths[2], stride=2, rngs=rngs)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(self.channels, n_classes, rngs=rngs)
        self._initialise()

    def _stage(self, block, width: int, depth: int, stride: int = 1, *, rngs: nnx.Rngs) -> Sequential:
        out = width * block.expansion
        downsample = None
        if stride != 1 or self.channels != out:
            downsample = Sequential(
                Conv2d(self.channels, out, kernel_size=1, stride=stride, bias=False, rngs=rngs),
                BatchNorm2d(out),
            )
        blocks = [block(self.channels, width, stride, downsample, rngs=rngs)]
        self.channels = out
        blocks += [block(out, width, rngs=rngs) for _ in range(depth - 1)]
        return Sequential(*blocks)

    def _initialise(self) -> None:
        for module in modules(self):
            if isinstance(module, Conv2d):
                module.weight = init_kaiming_normal(self.rngs(), module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, BatchNorm2d):
                module.weight = jnp.full_like(module.weight, 1)
                module.bias[...] = jnp.full_like(module.bias[...], 0)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.stem(x)
        x = self.layer3(self.layer2(self.layer1(x)))
        x = jax.lax.collapse(self.avgpool(x), 1)
        return self.fc(x)


def stripes(n: int, size: int = 16):
    """Waves in one of four directions, under noise."""
    rng = np.random.default_rng(0)
    direction = rng.integers(0, 4, size=n)
    angle = (direction * np.pi / 4)[:, None, None]
    yy, xx = np.mgrid[:size, :size] / size
    wave = np.sin(18 * (np.cos(angle) * xx + np.sin(angle) * yy))
    images = wave[:, None] + rng.normal(0, 0.8, size=(n, 3, size, size))
    return jnp.array(images, dtype=jnp.float32), jnp.array(direction)


images, directions = stripes(240)
train_set = TensorDataset(images[:192], directions[:192])
test_set = TensorDataset(images[192:], directions[192:])
rngs = nnx.Rngs(0)
train_loader = DataLoader(train_set, batch_size=16, shuffle=False, rngs=rngs)
test_loader = DataLoader(test_set, batch_size=32, shuffle=False, rngs=rngs)


def build() -> nnx.Module:
    rngs = nnx.Rngs(0)
    return ResNet(BasicBlock, [1, 1, 1], [8, 16, 32], n_classes=4, rngs=rngs)


def evaluate(model: nnx.Module) -> float:
    model.eval()
    correct = 0
    for x, y in test_loader:
        x, y = x, y
        prediction = model(x).argmax(axis=1, keepdims=True)
        correct += (prediction == y.reshape(prediction.shape)).sum().item()
    return correct / len(test_set)


def train(model: nnx.Module, epochs: int = 5) -> List[float]:
    criterion = CrossEntropyLoss()
    schedule = optax.piecewise_constant_schedule(0.02, {m: 0.1 for m in [3, 4]})
    optimizer = optax.chain(
        optax.add_decayed_weights(1e-4),
        optax.sgd(
            learning_rate=lambda count: schedule(count // len(train_loader)),
            momentum=0.9,
            nesterov=True,
        ),
    )
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses: List[float] = []
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            x, y = x, y

            def loss_fn(model):
                return criterion(model(x), y)

            loss, grads = nnx.value_and_grad(loss_fn)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {losses[-1]:.4f}, accuracy {evaluate(model):.3f}")
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
