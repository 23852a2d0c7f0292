# Denoising autoencoder: strided convolutions down, transposed convolutions up.
import functools
import math
from collections.abc import Sequence
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


class Flatten(nnx.Module):
    """`torch.nn.Flatten`: makes dimensions `start_dim` to `end_dim` (with it) one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def __call__(self, inputs: jax.Array) -> jax.Array:
        shape = inputs.shape
        start, end = self.start_dim % inputs.ndim, self.end_dim % inputs.ndim + 1
        return inputs.reshape(*shape[:start], math.prod(shape[start:end]), *shape[end:])


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


def mse_loss(
    input: jax.Array, target: jax.Array, reduction: Literal["mean", "sum", "none"] = "mean"
) -> jax.Array:
    """The squared difference of `input` and `target`."""
    return _reduce(jnp.square(input - target), reduction)


class MSELoss(nnx.Module):
    """`torch.nn.MSELoss`: the squared difference."""

    def __init__(self, *, reduction: Literal["mean", "sum", "none"] = "mean") -> None:
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return mse_loss(input, target, self.reduction)


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


class Unflatten(nnx.Module):
    """`torch.nn.Unflatten`: makes dimension `dim` several; one of the sizes may be -1."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        dim = self.dim % inputs.ndim
        return inputs.reshape(*inputs.shape[:dim], *self.unflattened_size, *inputs.shape[dim + 1 :])


def clamp(
    x: jax.Array, min: jax.Array | float | None = None, max: jax.Array | float | None = None
) -> jax.Array:
    """`torch.clamp`: its gradient at a bound is one, that of `jnp.clip` a half."""
    if min is not None:
        x = jnp.where((x < min) | (min != min), min, x)
    return x if max is None else jnp.where((x > max) | (max != max), max, x)

rngs = nnx.Rngs(0)

image_size = 14
latent_size = 8
num_epochs = 12
batch_size = 20
learning_rate = 7e-3
noise_level = 0.2


class Encoder(nnx.Module):
    def __init__(self, width, latent_size, *, rngs: nnx.Rngs):
        self.convs = Sequential(
            Conv2d(1, width, 3, stride=2, padding=1, rngs=rngs),            # 14 -> 7
            ReLU(True),
            Conv2d(width, 2 * width, 3, stride=2, padding=0, rngs=rngs),    # 7 -> 3
            ReLU(True),
            Flatten(start_dim=1),
        )
        self.code = Linear(2 * width * 3 * 3, latent_size, rngs=rngs)

    def __call__(self, x):
        return self.code(self.convs(x))


class Decoder(nnx.Module):
    def __init__(self, width, latent_size, *, rngs: nnx.Rngs):
        self.linear = Linear(latent_size, 2 * width * 3 * 3, rngs=rngs)
        self.convs = Sequential(
            Unflatten(dim=1, unflattened_size=(2 * width, 3, 3)),
            ReLU(True),
            ConvTranspose2d(2 * width, width, 3, stride=2, rngs=rngs),                        # 3 -> 7
            ReLU(True),
            ConvTranspose2d(width, 1, 3, stride=2, padding=1, output_padding=1, rngs=rngs),   # 7 -> 14
        )

    def __call__(self, code):
        return jax.nn.sigmoid(self.convs(self.linear(code)))


class AutoEncoder(nnx.Module):
    def __init__(self, width=12, latent_size=latent_size, *, rngs: nnx.Rngs):
        self.encoder = Encoder(width, latent_size, rngs=rngs)
        self.decoder = Decoder(width, latent_size, rngs=rngs)

    def __call__(self, x):
        code = self.encoder(x)
        return code, self.decoder(code)


def strokes(n):
    """A slanted stroke per picture."""
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:image_size, :image_size] - (image_size - 1) / 2
    angle = rng.uniform(0, np.pi, size=(n, 1, 1))
    offset = rng.uniform(-3, 3, size=(n, 1, 1))
    distance = np.abs(np.cos(angle) * xx + np.sin(angle) * yy - offset)
    clean = np.clip(1.5 - distance, 0, 1)
    noise = rng.normal(0, 1, size=(num_epochs, n, image_size, image_size))
    return clean[:, None].astype('float32'), noise[:, :, None].astype('float32')


clean, noise = strokes(180)
train_images, test_images = jnp.asarray(clean[:160]), jnp.asarray(clean[160:])
noise = jnp.asarray(noise)


def add_noise(images, noise):
    return clamp(images + noise_level * noise, min=0., max=1.)


def build(*, rngs: nnx.Rngs):
    model = AutoEncoder(rngs=rngs)
    return model


def train(model):
    criterion = MSELoss()
    schedule = optax.exponential_decay(learning_rate, transition_steps=1, decay_rate=0.9)
    optimizer = optax.chain(
        optax.add_decayed_weights(1e-5),
        optax.adam(
            learning_rate=lambda count: schedule(count // len(range(0, len(train_images), batch_size))),
        ),
    )
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(num_epochs):
        model.train()
        for start in range(0, len(train_images), batch_size):
            batch = slice(start, start + batch_size)
            images = train_images[batch]
            noisy = add_noise(images, noise[epoch, batch])

            def loss_fn(model):
                _, restored = model(noisy)
                return criterion(restored, images)

            loss, grads = nnx.value_and_grad(loss_fn)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        print('epoch [{}/{}], loss {:.4f}'.format(epoch + 1, num_epochs, loss.item()))
    return losses


def evaluate(model):
    model.eval()
    images = test_images
    noisy = add_noise(images, noise[0, 160:])
    code, restored = model(noisy)
    before = ((noisy - images) ** 2).mean()
    after = ((restored - images) ** 2).mean()
    print(f'error {before.item():.4f} -> {after.item():.4f}, code {tuple(code.shape)}')


if __name__ == '__main__':
    model = build(rngs=rngs)
    losses = train(model)
    evaluate(model)
