"""A convolutional GAN that draws blobs; each network has an optimizer of its own."""
import functools
import math
from collections.abc import Callable, Iterator, Sequence
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


def binary_cross_entropy(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """The cross entropy between probabilities `input` and probabilities `target`.

    Logarithms are at least -100, and slopes with respect to `input` at most 1e12, as in torch,
    so that probabilities of exactly 0 or 1 do no harm.
    """

    def value(x: jax.Array, y: jax.Array) -> jax.Array:
        return -y * jnp.maximum(jnp.log(x), -100) - (1 - y) * jnp.maximum(jnp.log1p(-x), -100)

    entropy = jax.custom_jvp(value)
    entropy.defjvps(
        lambda change, _, x, y: change * (x - y) / jnp.maximum(x * (1 - x), 1e-12),
        lambda change, _, x, y: change * (jnp.log1p(-x) - jnp.log(x)),
    )
    losses = entropy(input, target)
    return _reduce(losses if weight is None else weight * losses, reduction)


class BCELoss(nnx.Module):
    """`torch.nn.BCELoss`: the cross entropy of probabilities."""

    def __init__(
        self,
        weight: jax.Array | None = None,
        *,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        self.weight = None if weight is None else nnx.BatchStat(weight)
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        weight = None if self.weight is None else self.weight[...]
        return binary_cross_entropy(input, target, weight, self.reduction)


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


def leaky_relu(x: jax.Array, negative_slope: float = 0.01) -> jax.Array:
    """Torch's leaky ReLU: at 0 its slope is `negative_slope`, that of `jax.nn.leaky_relu` is 1."""
    return jnp.where(x > 0, x, negative_slope * x)


class LeakyReLU(nnx.Module):
    """`torch.nn.LeakyReLU`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope

    def __call__(self, x: jax.Array) -> jax.Array:
        return leaky_relu(x, self.negative_slope)


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


class Sigmoid(nnx.Module):
    """`torch.nn.Sigmoid`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(x)


class Tanh(nnx.Module):
    """`torch.nn.Tanh`."""

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(x)


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


def torch_init_normal(key: jax.Array, x: jax.Array, mean: float = 0.0, std: float = 1.0) -> jax.Array:
    """Values like `x`, normal with mean `mean` and standard deviation `std`."""
    return mean + std * jax.random.normal(key, x.shape, x.dtype)


def std(
    x: jax.Array,
    dim: int | Sequence[int] | None = None,
    correction: int = 1,
    keepdim: bool = False,
) -> jax.Array:
    """`torch.std`: as `jnp.std`, with a gradient of 0, not NaN, where nothing varies."""
    variance = jnp.var(x, axis=dim, ddof=correction, keepdims=keepdim)
    root = jnp.sqrt(jnp.where(variance == 0, 1, variance))
    return jnp.where(variance == 0, 0, root)

rngs = nnx.Rngs(0)

LATENT = 8
WIDTH = 16
BATCH = 16
EPOCHS = 5



def blobs(n):
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:8, :8]
    cy, cx = rng.uniform(2, 5, size=(2, n, 1, 1))
    img = np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 4.0)
    return (2 * img - 1)[:, None].astype(np.float32)


def gaussian(seed, *size):
    draws = np.random.default_rng(seed).normal(size=size)
    return jnp.asarray(draws.astype(np.float32))


real_images = jnp.asarray(blobs(160))
latents = gaussian(1, EPOCHS, len(real_images), LATENT)
fixed_latents = gaussian(2, 16, LATENT)


def init_normal(module, *, rngs: nnx.Rngs):
    """Small weights for whatever convolves, weights around one for what normalises."""
    if isinstance(module, Conv2d):
        module.weight = torch_init_normal(rngs(), module.weight, mean=0.0, std=0.05)
    elif isinstance(module, ConvTranspose2d):
        module.weight[...] = torch_init_normal(rngs(), module.weight[...], mean=0.0, std=0.05)
    elif isinstance(module, BatchNorm2d):
        module.weight = torch_init_normal(rngs(), module.weight, mean=1.0, std=0.05)
        module.bias[...] = jnp.full_like(module.bias[...], 0)


class Generator(nnx.Module):
    """(batch, LATENT) -> (batch, 1, 8, 8) between -1 and 1"""

    def __init__(self, *, rngs: nnx.Rngs):
        self.net = Sequential(
            ConvTranspose2d(LATENT, WIDTH, 4, bias=False, rngs=rngs),                    # 4 x 4
            BatchNorm2d(WIDTH),
            ReLU(True),
            ConvTranspose2d(WIDTH, 1, 4, stride=2, padding=1, bias=False, rngs=rngs),    # 8 x 8
            Tanh(),
        )

    def __call__(self, z):
        return self.net(z.reshape(z.shape[0], LATENT, 1, 1))


class Discriminator(nnx.Module):
    """(batch, 1, 8, 8) -> (batch,) probability of being real"""

    def __init__(self, *, rngs: nnx.Rngs):
        self.net = Sequential(
            Conv2d(1, WIDTH, 4, stride=2, padding=1, bias=False, rngs=rngs),
            LeakyReLU(0.2, inplace=True),
            Conv2d(WIDTH, 2 * WIDTH, 4, stride=2, padding=1, bias=False, rngs=rngs),
            BatchNorm2d(2 * WIDTH),
            LeakyReLU(0.2, inplace=True),
            Conv2d(2 * WIDTH, 1, 2, bias=False, rngs=rngs),
            Sigmoid(),
        )

    def __call__(self, img):
        return self.net(img).reshape(-1)


def build(*, rngs: nnx.Rngs):
    generator = Generator(rngs=rngs)
    apply(generator, functools.partial(init_normal, rngs=rngs))
    discriminator = Discriminator(rngs=rngs)
    apply(discriminator, functools.partial(init_normal, rngs=rngs))
    return generator, discriminator


def train(generator, discriminator):
    bce = BCELoss()
    opt_d = nnx.Optimizer(
        discriminator,
        optax.adam(learning_rate=0.002, b1=0.5, b2=0.999),
        wrt=nnx.Param,
    )
    opt_g = nnx.Optimizer(
        generator,
        optax.adam(learning_rate=0.002, b1=0.5, b2=0.999),
        wrt=nnx.Param,
    )

    losses = []
    for epoch in range(EPOCHS):
        for i in range(0, len(real_images), BATCH):
            real = real_images[i:i + BATCH]
            z = latents[epoch, i:i + BATCH]
            target = jnp.full((real.shape[0],), 1.0, dtype=jnp.float32)

            # the discriminator: real pictures and made ones
            def loss_d_fn(discriminator, generator):
                p_real = discriminator(real)
                p_fake = discriminator(jax.lax.stop_gradient(generator(z)))
                return bce(p_real, target) + bce(p_fake, jnp.zeros_like(target)), (p_real, p_fake)

            (loss_d, (p_real, p_fake)), loss_d_grads = nnx.value_and_grad(loss_d_fn, has_aux=True)(discriminator, generator)
            opt_d.update(discriminator, loss_d_grads)

            # the generator: its pictures should now pass for real
            def loss_g_fn(generator, discriminator):
                return bce(discriminator(generator(z)), target)

            loss_g, loss_g_grads = nnx.value_and_grad(loss_g_fn)(generator, discriminator)
            opt_g.update(generator, loss_g_grads)

            losses.append(loss_d.item())
            losses.append(loss_g.item())

        print("[%d/%d] D %.4f  G %.4f  p(real) %.3f  p(fake) %.3f" % (
            epoch + 1, EPOCHS, loss_d.item(), loss_g.item(),
            p_real.mean().item(), p_fake.mean().item()))
    return losses


def contrast(generator):
    """How far the pixels of the pictures differ; blobs differ, grey does not."""
    generator.eval()
    pictures = jax.lax.stop_gradient(generator(fixed_latents))
    return std(pictures, dim=(1, 2, 3)).mean().item()


if __name__ == "__main__":
    generator, discriminator = build(rngs=rngs)
    losses = train(generator, discriminator)
    models = [generator, discriminator]
    print("contrast of samples: %.4f" % contrast(generator))
