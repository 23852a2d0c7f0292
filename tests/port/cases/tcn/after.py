"""Dilated causal convolutions that add up the two marked numbers of a sequence."""
import functools
import math
from collections.abc import Iterator, Sequence
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


class Conv1d(_Conv):
    """`torch.nn.Conv1d`: inputs (N, C, L) or (C, L)."""

    spatial_dims = 1


class Dropout(nnx.Dropout):
    """`torch.nn.Dropout`: an `nnx.Dropout` with torch's arguments, 0.5 as the default."""

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rngs: nnx.Rngs) -> None:
        super().__init__(p, rngs=rngs)


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

rngs = nnx.Rngs(0)

LENGTH = 16
BATCH_SIZE = 32
EPOCHS = 12


class CausalConv1d(Conv1d):
    """A convolution that is padded on the left alone, so that no output sees its future."""

    def __init__(self, c_in, c_out, kernel_size, dilation=1, *, rngs: nnx.Rngs, **kwargs):
        super(CausalConv1d, self).__init__(
            c_in, c_out, kernel_size, dilation=dilation,
            padding=(kernel_size - 1) * dilation, rngs=rngs, **kwargs)

    def __call__(self, x):
        out = super(CausalConv1d, self).__call__(x)
        return out[:, :, :x.shape[2]]


class ResidualBlock(nnx.Module):
    def __init__(self, c_in, c_out, kernel_size, dilation, dropout=0.0, *, rngs: nnx.Rngs):
        self.net = Sequential(
            CausalConv1d(c_in, c_out, kernel_size, dilation, rngs=rngs),
            ReLU(),
            Dropout(dropout, rngs=rngs),
            CausalConv1d(c_out, c_out, kernel_size, dilation, rngs=rngs),
            ReLU(),
            Dropout(dropout, rngs=rngs),
        )
        self.match = Conv1d(c_in, c_out, 1, rngs=rngs) if c_in != c_out else None

    def __call__(self, x):
        shortcut = x if self.match is None else self.match(x)
        return jax.nn.relu(self.net(x) + shortcut)


class TCN(nnx.Module):
    def __init__(self, c_in, n_out, widths, kernel_size=3, dropout=0.0, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        blocks = []
        for level, width in enumerate(widths):
            blocks.append(ResidualBlock(c_in, width, kernel_size, 2 ** level, dropout, rngs=rngs))
            c_in = width
        self.blocks = Sequential(*blocks)
        self.linear = Linear(widths[-1], n_out, rngs=rngs)
        self.init_weights()

    def init_weights(self):
        for m in modules(self):
            if isinstance(m, Conv1d):
                m.weight = 0.2 * jax.random.normal(self.rngs(), m.weight.shape, m.weight.dtype)
        self.linear.weight = 0.1 * jax.random.normal(self.rngs(), self.linear.weight.shape, self.linear.weight.dtype)

    def __call__(self, x):
        # the last step has seen the whole sequence
        return self.linear(self.blocks(x)[:, :, -1])


def adding_problem(n, seed):
    """Two channels: numbers, and marks on two of them."""
    rng = np.random.default_rng(seed)
    numbers = jnp.asarray(rng.random((n, 1, LENGTH), dtype=np.float32))
    marks = jnp.zeros([n, 1, LENGTH])
    totals = jnp.zeros([n, 1])
    for i in range(n):
        first, second = rng.choice(LENGTH, size=2, replace=False).tolist()
        marks = marks.at[i, 0, first].set(1)
        marks = marks.at[i, 0, second].set(1)
        totals = totals.at[i, 0].set(numbers[i, 0, first] + numbers[i, 0, second])
    return jnp.concatenate((numbers, marks), axis=1), totals


x_train, y_train = adding_problem(320, seed=0)
x_test, y_test = adding_problem(64, seed=1)
x_train, y_train = x_train, y_train
x_test, y_test = x_test, y_test


def build(*, rngs: nnx.Rngs):
    model = TCN(c_in=2, n_out=1, widths=[16, 16, 16], rngs=rngs)
    return model


def evaluate(model):
    model.eval()
    return jnp.mean(jnp.square(model(x_test) - y_test)).item()


def train(model):
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate=3e-3))
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(1, EPOCHS + 1):
        model.train()
        for i in range(0, x_train.shape[0], BATCH_SIZE):
            x, y = x_train[i:i + BATCH_SIZE], y_train[i:i + BATCH_SIZE]

            def loss_fn(model):
                return jnp.mean(jnp.square(model(x) - y))

            loss, grads = nnx.value_and_grad(loss_fn)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        if epoch % 3 == 0:
            print('epoch {:2d}\tloss {:.6f}\ttest {:.6f}'.format(
                epoch, losses[-1], evaluate(model)))
    return losses


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
