"""Segment discs in noisy pictures with a U-Net of three levels."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

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


def binary_cross_entropy_with_logits(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    reduction: Literal["mean", "sum", "none"] = "mean",
    pos_weight: jax.Array | None = None,
) -> jax.Array:
    """The cross entropy between sigmoid(`input`) and probabilities `target`.

    Args:
        input: logits.
        target: probabilities.
        weight: a factor for each loss, of a shape that broadcasts.
        reduction: see above.
        pos_weight: a factor for the positive part, of a shape that broadcasts.
    """
    positive = target if pos_weight is None else pos_weight * target
    negative = 1 - target
    losses = negative * input + (positive + negative) * jax.nn.softplus(-input)
    return _reduce(losses if weight is None else weight * losses, reduction)


class BCEWithLogitsLoss(nnx.Module):
    """`torch.nn.BCEWithLogitsLoss`: the cross entropy of logits with probabilities."""

    def __init__(
        self,
        weight: jax.Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none"] = "mean",
        pos_weight: jax.Array | None = None,
    ) -> None:
        self.weight = None if weight is None else nnx.BatchStat(weight)
        self.pos_weight = None if pos_weight is None else nnx.BatchStat(pos_weight)
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        weight = None if self.weight is None else self.weight[...]
        pos_weight = None if self.pos_weight is None else self.pos_weight[...]
        return binary_cross_entropy_with_logits(input, target, weight, self.reduction, pos_weight)


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


class Conv2d(_Conv):
    """`torch.nn.Conv2d`: inputs (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


def _conv_transpose(
    rank: int,
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    stride: int | Sequence[int],
    padding: int | Sequence[int],
    output_padding: int | Sequence[int],
    groups: int,
    dilation: int | Sequence[int],
) -> jax.Array:
    """The transpose of a convolution, with weight (in, out / groups, *kernel).

    It is a convolution of the input, spread out by `stride`, with the kernel turned round.
    """
    batched = input.ndim > rank + 1
    dilation = _spatial(dilation, rank)
    kernel_size = weight.shape[2:]
    kernel = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    kernel = kernel.reshape(-1, weight.shape[0] // groups, *kernel_size)
    pads = []
    sides = zip(_spatial(padding, rank), _spatial(output_padding, rank), strict=True)
    for k, d, (p, extra) in zip(kernel_size, dilation, sides, strict=True):
        pads.append((d * (k - 1) - p, d * (k - 1) - p + extra))
    y = jax.lax.conv_general_dilated(
        input if batched else input[None],
        jnp.flip(kernel, range(2, rank + 2)),
        (1,) * rank,
        pads,
        lhs_dilation=_spatial(stride, rank),
        rhs_dilation=dilation,
        feature_group_count=groups,
    )
    if bias is not None:
        y = y + bias.reshape(-1, *[1] * rank)
    return y if batched else y[0]


class _ConvTranspose(nnx.Module):
    """A transposed convolution with torch's weight, (in, out / groups, *kernel), and layout.

    `nnx.ConvTranspose` has no groups and no output padding. Weight and bias are uniform within
    ±1/sqrt(out / groups * kernel).
    """

    spatial_dims: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _spatial(kernel_size, self.spatial_dims)
        self.stride = _spatial(stride, self.spatial_dims)
        self.padding = _spatial(padding, self.spatial_dims)
        self.output_padding = _spatial(output_padding, self.spatial_dims)
        self.dilation = _spatial(dilation, self.spatial_dims)
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        self.weight = nnx.Param(uniform(rngs.params(), shape))
        self.bias = nnx.Param(uniform(rngs.params(), (out_channels,))) if bias else nnx.data(None)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return _conv_transpose(
            self.spatial_dims,
            inputs,
            self.weight[...],
            None if self.bias is None else self.bias[...],
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )


class ConvTranspose2d(_ConvTranspose):
    """`torch.nn.ConvTranspose2d`: inputs (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


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


def _nearest_places(old: int, new: int, step: float, mode: str) -> np.ndarray:
    """For each of `new` outputs the place, of `old`, whose value it has."""
    if mode not in ("nearest", "nearest-exact"):
        raise ValueError(f"unknown mode {mode!r}")
    offset = np.float32(0.0 if mode == "nearest" else 0.5)
    # Rounded as torch rounds, or another place is read where the product is nearly whole.
    places = (np.arange(new, dtype=np.float32) + offset) * np.float32(step)
    return np.asarray(places.astype(int).clip(max=old - 1))


def _weighted_places(
    old: int, new: int, step: float, mode: str, align_corners: bool | None, antialias: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The places, of `old`, that make up each of `new` outputs, and their weights: (parts, new)."""
    if mode not in ("linear", "bilinear", "trilinear", "bicubic"):
        raise ValueError(f"unknown mode {mode!r}")
    centers = np.arange(new) * step if align_corners else (np.arange(new) + 0.5) * step - 0.5
    stretch = max(step, 1.0) if antialias else 1.0
    radius = stretch * (2 if mode == "bicubic" else 1)
    first = np.floor(centers - radius).astype(int) + 1
    places = first + np.arange(math.ceil(2 * radius))[:, None]
    distance = np.abs(places - centers) / stretch
    if mode == "bicubic":
        a = -0.5 if antialias else -0.75
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = (((distance - 5) * distance + 8) * distance - 4) * a
        weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    else:
        weights = np.maximum(1 - distance, 0.0)
    if antialias:
        weights = np.where((places >= 0) & (places < old), weights, 0.0)
        weights /= weights.sum(axis=0)
    return np.clip(places, 0, old - 1), weights


def interpolate(
    input: jax.Array,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> jax.Array:
    """`torch.nn.functional.interpolate` of (N, C, *spatial).

    Args:
        input: floating point numbers, unless the mode is one of the nearest.
        size: the new spatial size, or
        scale_factor: by how much to multiply it. The places to read are computed from this factor
            and not from the rounded sizes, unless `recompute_scale_factor`.
        mode: 'nearest', 'linear', 'bilinear', 'trilinear', 'bicubic' or 'area', and for images
            'nearest-exact'.
        align_corners: the first and last places of input and output are the same.
        recompute_scale_factor: see `scale_factor`.
        antialias: average over all that an output covers, when a linear or cubic mode shrinks.
    """
    rank = input.ndim - 2
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate needs either size or scale_factor")
    if mode == "nearest-exact" and rank != 2:
        # Where a place lies between two, torch reads one or the other, as the memory is laid out.
        raise ValueError(f"mode 'nearest-exact' needs four dimensions, not {input.ndim}")
    if antialias and (align_corners or mode not in ("bilinear", "bicubic")):
        raise ValueError("antialias needs mode 'bilinear' or 'bicubic', and no align_corners")
    if size is not None:
        sizes = _spatial(size, rank)
    else:
        factors = _spatial(scale_factor, rank)
        sizes = tuple(int(n * f) for n, f in zip(input.shape[2:], factors, strict=True))
    if mode == "area":
        return _adaptive_pool(rank, input, sizes, jnp.mean)
    if not (mode.startswith("nearest") or jnp.issubdtype(input.dtype, jnp.floating)):
        raise ValueError(f"mode {mode!r} needs floating point numbers, not {input.dtype}")
    for axis, new in enumerate(sizes, start=2):
        old = input.shape[axis]
        if align_corners:
            step = (old - 1) / (new - 1) if new > 1 else 0.0
        elif size is not None or recompute_scale_factor:
            step = old / new
        else:
            step = 1 / factors[axis - 2]
        if mode.startswith("nearest"):
            places = _nearest_places(old, new, step, mode)
            input = jnp.take(input, places, axis)
        elif old != new or step != 1:
            places, weights = _weighted_places(old, new, step, mode, align_corners, antialias)
            weights = weights.astype(input.dtype).reshape(*weights.shape, *[1] * (rank + 1 - axis))
            parts = [jnp.take(input, p, axis) * w for p, w in zip(places, weights, strict=True)]
            input = functools.reduce(jnp.add, parts)
    return input


class Upsample(nnx.Module):
    """`torch.nn.Upsample`: resizes the spatial dimensions of (N, C, *spatial)."""

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        # Tuples, because a list cannot be a static attribute of a jitted module.
        self.size = tuple(size) if isinstance(size, Sequence) else size
        self.scale_factor = (
            tuple(scale_factor) if isinstance(scale_factor, Sequence) else scale_factor
        )
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return interpolate(
            inputs,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )


def pad(
    input: jax.Array, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> jax.Array:
    """`torch.nn.functional.pad`: (before, after) of the last dimension, of the one before it, ….

    Args:
        input: any array; with a mode other than 'constant' the padding must fit into it.
        pad: two numbers a dimension; negative ones cut values off.
        mode: 'constant', 'reflect', 'replicate' or 'circular'.
        value: what to fill with in mode 'constant'; 0 if None.
    """
    widths = [(0, 0)] * (input.ndim - len(pad) // 2)
    widths += [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    if mode == "constant":
        fill = jnp.asarray(value or 0, input.dtype)
        return jax.lax.pad(input, fill, [(*width, 0) for width in widths])
    modes = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if mode not in modes:
        raise ValueError(f"mode must be 'constant' or one of {[*modes]}, not {mode!r}")
    for size, width in zip(input.shape, widths, strict=True):
        limit = {"reflect": size - 1, "circular": size}.get(mode)
        if min(width) < 0 or (limit is not None and max(width) > limit):
            raise ValueError(f"{mode} padding of {width} does not fit a size of {size}")
    return jnp.pad(input, widths, mode=modes[mode])

rngs = nnx.Rngs(0)


def double_conv(c_in, c_out, *, rngs: nnx.Rngs):
    layers = []
    for c in (c_in, c_out):
        layers += [Conv2d(c, c_out, kernel_size=3, padding=1, bias=False, rngs=rngs),
                   BatchNorm2d(c_out),
                   ReLU(inplace=True)]
    return Sequential(*layers)


class UpBlock(nnx.Module):
    """Doubles the size, meets the features of the way down, and convolves both."""

    def __init__(self, c_in, c_skip, c_out, bilinear, *, rngs: nnx.Rngs):
        if bilinear:
            self.up = Upsample(scale_factor=2, mode='bilinear', align_corners=True)
            c_up = c_in
        else:
            self.up = ConvTranspose2d(c_in, c_in // 2, kernel_size=2, stride=2, rngs=rngs)
            c_up = c_in // 2
        self.conv = double_conv(c_up + c_skip, c_out, rngs=rngs)

    def __call__(self, x, skip):
        x = self.up(x)
        # an odd size was rounded down when it was halved
        missing_h = skip.shape[2] - x.shape[2]
        missing_w = skip.shape[3] - x.shape[3]
        x = pad(x, (missing_w // 2, missing_w - missing_w // 2,
                      missing_h // 2, missing_h - missing_h // 2))
        return self.conv(jnp.concatenate([skip, x], axis=1))


class UNet(nnx.Module):
    def __init__(self, c_in=1, n_classes=1, widths=(6, 8, 12), bilinear=(True, False), *, rngs: nnx.Rngs):
        self.inp = double_conv(c_in, widths[0], rngs=rngs)
        self.pool = MaxPool2d(2)
        self.down = nnx.List(
            [double_conv(a, b, rngs=rngs) for a, b in zip(widths[:-1], widths[1:])])
        self.up = nnx.List()
        for deep, shallow, kind in zip(widths[:0:-1], widths[-2::-1], bilinear):
            self.up.append(UpBlock(deep, shallow, shallow, kind, rngs=rngs))
        self.out = Conv2d(widths[0], n_classes, kernel_size=1, rngs=rngs)

    def __call__(self, x):
        x = self.inp(x)
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(self.pool(x))
        for block in self.up:
            x = block(x, skips.pop())
        return self.out(x)


class DiceLoss(nnx.Module):
    """One minus the overlap of the prediction and the mask, over their mean size."""

    def __init__(self, smooth=1.0):
        self.smooth = smooth

    def __call__(self, logits, target):
        p = jax.lax.collapse(jax.nn.sigmoid(logits), 1)
        t = jax.lax.collapse(target, 1)
        overlap = (p * t).sum(axis=1)
        dice = (2 * overlap + self.smooth) / (p.sum(axis=1) + t.sum(axis=1) + self.smooth)
        return 1 - dice.mean()


def make_discs(n, size=18):
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:size, :size]
    cy, cx = rng.uniform(5, size - 5, size=(2, n, 1, 1))
    radius = rng.uniform(2.5, 5, size=(n, 1, 1))
    masks = ((yy - cy) ** 2 + (xx - cx) ** 2 < radius ** 2).astype(np.float32)
    images = masks + rng.normal(0, 0.6, size=masks.shape).astype(np.float32)
    return jnp.asarray(images[:, None]), jnp.asarray(masks[:, None])


images, masks = make_discs(96)


def build(*, rngs: nnx.Rngs):
    return UNet(rngs=rngs)


def mean_iou(net, x, mask):
    net.eval()
    found = net(x) > 0
    mask = mask.astype(bool)
    both = (found & mask).sum(axis=(1, 2, 3)).astype(jnp.float32)
    either = (found | mask).sum(axis=(1, 2, 3)).astype(jnp.float32)
    net.train()
    return (both / either).mean().item()


def train(net, epochs=5, batch_size=8, n_train=80):
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.rmsprop(learning_rate=1e-3, eps=1e-3, decay=0.99, eps_in_sqrt=False),
    )
    opt_state = optimizer.init(nnx.state(net, nnx.Param))
    bce, dice = BCEWithLogitsLoss(), DiceLoss()
    losses = []
    net.train()
    for epoch in range(epochs):
        for start in range(0, n_train, batch_size):
            x = images[start:start + batch_size].astype(jnp.float32)
            mask = masks[start:start + batch_size].astype(jnp.float32)

            def loss_fn(net):
                logits = net(x)
                loss = bce(logits.squeeze(1), mask.squeeze(1))
                loss += dice(logits, mask)
                return loss

            loss, grads = nnx.value_and_grad(loss_fn)(net)
            params = nnx.state(net, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(net, params)
            losses.append(loss.item())
        iou = mean_iou(net, images[n_train:], masks[n_train:])
        print('epoch {}: loss {:.4f}, validation IoU {:.4f}'.format(epoch + 1, losses[-1], iou))
    return losses


if __name__ == '__main__':
    model = build(rngs=rngs)
    losses = train(model)
