"""Denoising diffusion of 8x8 pictures of a bright column: the network predicts the noise."""
import math
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


class Conv2d(_Conv):
    """`torch.nn.Conv2d`: inputs (N, C, H, W) or (C, H, W)."""

    spatial_dims = 2


class GroupNorm(nnx.GroupNorm):
    """`torch.nn.GroupNorm`: an `nnx.GroupNorm` on (N, C, …), with torch's eps."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_channels,
            num_groups,
            epsilon=eps,
            use_scale=affine,
            use_bias=affine and bias,
            use_fast_variance=False,
            rngs=nnx.Rngs(0),
        )
        self.num_channels, self.eps = num_channels, eps

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return jnp.moveaxis(super().__call__(jnp.moveaxis(inputs, 1, -1)), -1, 1)


class Identity(nnx.Module):
    """`torch.nn.Identity`: returns its input, whatever it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, x: Any) -> Any:
        return x


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


class SiLU(nnx.Module):
    """`torch.nn.SiLU`."""

    def __init__(self, inplace: bool = False) -> None:
        pass

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.silu(x)


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


def clamp(
    x: jax.Array, min: jax.Array | float | None = None, max: jax.Array | float | None = None
) -> jax.Array:
    """`torch.clamp`: its gradient at a bound is one, that of `jnp.clip` a half."""
    if min is not None:
        x = jnp.where((x < min) | (min != min), min, x)
    return x if max is None else jnp.where((x > max) | (max != max), max, x)


def gather(x: jax.Array, dim: int, index: jax.Array) -> jax.Array:
    """`torch.gather`: `jnp.take_along_axis`, with an index that is not broadcast.

    Where `index` is smaller than `x` in another dimension, the rest of `x` is not used.
    """
    dim %= x.ndim
    used = [slice(None if axis == dim else size) for axis, size in enumerate(index.shape)]
    return jnp.take_along_axis(x[tuple(used)], index, axis=dim)


def no_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator `torch.no_grad()`: no gradient flows through what the function gives back."""

    def stop(value: Any) -> Any:
        return jax.lax.stop_gradient(value) if isinstance(value, jax.Array) else value

    @functools.wraps(function)
    def without_gradient(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return jax.tree.map(stop, result, is_leaf=lambda item: isinstance(item, nnx.Module))

    return without_gradient


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


def huber_loss(
    input: jax.Array,
    target: jax.Array,
    reduction: Literal["mean", "sum", "none"] = "mean",
    delta: float = 1.0,
) -> jax.Array:
    """Half the squared difference up to `delta`, beyond it linear with slope `delta`."""
    size = jnp.abs(input - target)
    losses = jnp.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))
    return _reduce(losses, reduction)


def l1_loss(
    input: jax.Array, target: jax.Array, reduction: Literal["mean", "sum", "none"] = "mean"
) -> jax.Array:
    """The absolute difference of `input` and `target`, with slope 0 where they are equal."""
    difference = input - target
    # The slope of `jnp.abs` at 0 is 1.
    return _reduce(difference * jnp.sign(difference), reduction)


def smooth_l1_loss(
    input: jax.Array,
    target: jax.Array,
    reduction: Literal["mean", "sum", "none"] = "mean",
    beta: float = 1.0,
) -> jax.Array:
    """The Huber loss divided by `beta`, so that its slope is 1 at the far ends; L1 for 0."""
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / beta

LEVELS = 50
BATCH = 16
STEPS = 50
device = "cuda" if jax.default_backend() == "gpu" else "cpu"


class TimeEmbedding(nnx.Module):
    """Sines and cosines of the noise level, in falling frequencies, through a small net."""

    def __init__(self, dim, out, *, rngs: nnx.Rngs):
        rate = math.log(10000) / (dim // 2 - 1)
        self.freqs = nnx.BatchStat(jnp.exp(-rate * jnp.arange(dim // 2)))
        self.net = Sequential(Linear(dim, out, rngs=rngs), SiLU(), Linear(out, out, rngs=rngs))

    def __call__(self, t):
        angles = t[:, None].astype(jnp.float32) * self.freqs[None, :]
        return self.net(jnp.concatenate((jnp.sin(angles), jnp.cos(angles)), axis=-1))


class TimedBlock(nnx.Module):
    """Two convolutions with a residual; the time scales and shifts the channels in between."""

    def __init__(self, c_in, c_out, time_dim, groups=4, *, rngs: nnx.Rngs):
        self.conv1 = Conv2d(c_in, c_out, 3, padding=1, rngs=rngs)
        self.norm1 = GroupNorm(groups, c_out)
        self.modulate = Linear(time_dim, 2 * c_out, rngs=rngs)
        self.conv2 = Conv2d(c_out, c_out, 3, padding=1, rngs=rngs)
        self.norm2 = GroupNorm(groups, c_out)
        self.skip = Conv2d(c_in, c_out, 1, rngs=rngs) if c_in != c_out else Identity()

    def __call__(self, x, t):
        scale, shift = jnp.split(self.modulate(jax.nn.silu(t))[..., None, None], 2, axis=1)
        h = self.norm1(self.conv1(x))
        h = jax.nn.silu(h * (1 + scale) + shift)
        h = jax.nn.silu(self.norm2(self.conv2(h)))
        return h + self.skip(x)


class Denoiser(nnx.Module):
    def __init__(self, dim=12, channels=1, *, rngs: nnx.Rngs):
        time_dim = 4 * dim
        self.time = TimeEmbedding(dim, time_dim, rngs=rngs)
        self.first = Conv2d(channels, dim, 3, padding=1, rngs=rngs)
        self.block1 = TimedBlock(dim, dim, time_dim, rngs=rngs)
        self.down = Conv2d(dim, 2 * dim, 4, stride=2, padding=1, rngs=rngs)
        self.block2 = TimedBlock(2 * dim, 2 * dim, time_dim, rngs=rngs)
        self.up = Sequential(Upsample(scale_factor=2, mode="nearest"),
                                Conv2d(2 * dim, dim, 3, padding=1, rngs=rngs))
        self.block3 = TimedBlock(2 * dim, dim, time_dim, rngs=rngs)
        self.last = Conv2d(dim, channels, 1, rngs=rngs)

    def __call__(self, x, t):
        t = self.time(t)
        fine = self.block1(self.first(x), t)
        coarse = self.block2(self.down(fine), t)
        x = jnp.concatenate((self.up(coarse), fine), axis=1)
        return self.last(self.block3(x, t))


def pick(values, t, like):
    """values[t], shaped so that it multiplies the pictures `like`."""
    return gather(values, -1, t).reshape(t.shape[0], *((1,) * (like.ndim - 1)))


class Diffusion(nnx.Module):
    def __init__(self, net, levels=LEVELS, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.net = net
        self.levels = levels
        beta = jnp.linspace(1e-3, 0.12, levels)
        alpha = 1. - beta
        alpha_bar = jnp.cumprod(alpha, axis=0)
        before = pad(alpha_bar[:-1], (1, 0), value=1.)
        self.beta = nnx.BatchStat(beta)
        self.signal = nnx.BatchStat(jnp.sqrt(alpha_bar))
        self.noise = nnx.BatchStat(jnp.sqrt(1. - alpha_bar))
        self.rescale = nnx.BatchStat(jax.lax.rsqrt(alpha))
        self.variance = nnx.BatchStat(beta * (1. - before) / (1. - alpha_bar))

    def __call__(self, x, t, eps=None):
        """The error of the predicted noise; `eps` is drawn where it isn't given."""
        if eps is None:
            eps = jax.random.normal(self.rngs(), x.shape, x.dtype)
        noisy = pick(self.signal[...], t, x) * x + pick(self.noise[...], t, x) * eps
        return smooth_l1_loss(self.net(noisy, t), eps)

    @no_grad
    def sample(self, shape):
        x = jax.random.normal(self.rngs(), shape)
        for level in reversed(range(self.levels)):
            t = jnp.full((shape[0],), level, dtype=int)
            share = pick(self.beta[...], t, x) / pick(self.noise[...], t, x)
            x = pick(self.rescale[...], t, x) * (x - share * self.net(x, t))
            if level > 0:
                x = x + jnp.sqrt(pick(self.variance[...], t, x)) * jax.random.normal(self.rngs(), x.shape, x.dtype)
        return clamp(x, min=-1, max=1)


rng = np.random.default_rng(0)
column = rng.integers(1, 7, size=(STEPS, BATCH, 1, 1, 1))
pictures = np.where(np.abs(np.arange(8) - column) < 2, 1.0, -1.0) * np.ones((8, 1))
levels = rng.integers(0, LEVELS, size=(STEPS, BATCH))
noises = rng.standard_normal(pictures.shape)


def build():
    rngs = nnx.Rngs(0)
    return Diffusion(Denoiser(rngs=rngs), rngs=rngs)


def train(model):
    optimizer = optax.adam(learning_rate=3e-3)
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    model.train()
    for step in range(STEPS):
        x = jnp.array(pictures[step], dtype=jnp.float32)
        eps = jnp.array(noises[step], dtype=jnp.float32)
        t = jnp.asarray(levels[step]).astype(int)

        def loss_fn(model):
            return model(x, t, eps)

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        if step % 20 == 0:
            print("step", step, "loss", loss.item())
        params = nnx.state(model, nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        nnx.update(model, params)
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
    model.eval()
    print("brightness of samples:", model.sample((2, 1, 8, 8)).mean().item())
