"""Characters in, characters out: an LSTM cell that is stepped by hand."""
from typing import List, Optional, Tuple
import functools
import math
from collections.abc import Callable
from typing import Literal

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


def _affine(x: jax.Array, weight: jax.Array, bias: jax.Array | None) -> jax.Array:
    """`x` times the transposed `weight`, plus `bias`."""
    return x @ weight.T if bias is None else x @ weight.T + bias


def _recurrent_variables(
    gates: int, input_size: int, hidden_size: int, bias: bool, rngs: nnx.Rngs
) -> dict[str, nnx.Param | None]:
    """Weights and biases of one layer by torch's names, uniform within ±1/sqrt(hidden size)."""
    size = gates * hidden_size
    shapes = {"weight_ih": (size, input_size), "weight_hh": (size, hidden_size)}
    bound = hidden_size**-0.5

    def variable(shape: tuple[int, ...]) -> nnx.Param:
        return nnx.Param(jax.random.uniform(rngs.params(), shape, minval=-bound, maxval=bound))

    variables = {name: variable(shape) for name, shape in shapes.items()}
    biases = {name: variable((size,)) if bias else None for name in ("bias_ih", "bias_hh")}
    return variables | biases


class _RecurrentCell(nnx.Module):
    """One step of a recurrent network: what the cells share."""

    def __init__(
        self,
        update: Callable[..., tuple[jax.Array, ...]],
        gates: int,
        input_size: int,
        hidden_size: int,
        bias: bool,
        rngs: nnx.Rngs,
    ) -> None:
        self.update = update
        self.input_size = input_size
        self.hidden_size = hidden_size
        variables = _recurrent_variables(gates, input_size, hidden_size, bias, rngs)
        for name, variable in variables.items():
            setattr(self, name, variable)

    def _zeros(self, input: jax.Array) -> jax.Array:
        """The state that torch starts from if none is given."""
        return jnp.zeros((*input.shape[:-1], self.hidden_size), input.dtype)

    def _step(self, input: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        """The next state."""
        from_input = _affine(input, self.weight_ih, self.bias_ih)
        return self.update(from_input, _affine(state[0], self.weight_hh, self.bias_hh), state)


def _lstm_update(
    from_input: jax.Array, from_hidden: jax.Array, state: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """The next (hidden, cell) of an LSTM. Gates are input, forget, cell and output."""
    write, keep, new, show = jnp.split(from_input + from_hidden, 4, axis=-1)
    cell = jax.nn.sigmoid(keep) * state[1] + jax.nn.sigmoid(write) * jnp.tanh(new)
    return jax.nn.sigmoid(show) * jnp.tanh(cell), cell


class LSTMCell(_RecurrentCell):
    """`torch.nn.LSTMCell`."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        super().__init__(_lstm_update, 4, input_size, hidden_size, bias, rngs)

    def __call__(
        self, input: jax.Array, hx: tuple[jax.Array, jax.Array] | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """The next (hidden, cell), both (N, H), from `input`, (N, I), and the last, or zeros."""
        state = (self._zeros(input), self._zeros(input)) if hx is None else tuple(hx)
        hidden, cell = self._step(input, state)
        return hidden, cell


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


def init_orthogonal(key: jax.Array, x: jax.Array, gain: float = 1.0) -> jax.Array:
    """Values like `x`, as a matrix (out, the rest) orthogonal in its shorter axis, times `gain`.

    Raises:
        ValueError: `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError("an orthogonal matrix needs two axes")
    matrix = (x.shape[0], math.prod(x.shape[1:]))
    return jax.nn.initializers.orthogonal(gain)(key, matrix, x.dtype).reshape(x.shape)


def init_fans(x: jax.Array) -> tuple[int, int]:
    """How many inputs an output of weights like `x` has, and how many outputs an input.

    Raises:
        ValueError: `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError("weights with less than two axes have no fans")
    field = math.prod(x.shape[2:])
    return x.shape[1] * field, x.shape[0] * field


def init_uniform(key: jax.Array, x: jax.Array, a: float = 0.0, b: float = 1.0) -> jax.Array:
    """Values like `x`, uniform from `a` to `b`."""
    return jax.random.uniform(key, x.shape, x.dtype, a, b)


def init_xavier_uniform(key: jax.Array, x: jax.Array, gain: float = 1.0) -> jax.Array:
    """Values like `x`, uniform with the standard deviation of `init_xavier_normal`."""
    bound = gain * math.sqrt(6 / sum(init_fans(x)))
    return init_uniform(key, x, -bound, bound)

twister = "peter piper picked a peck of pickled peppers. " * 8
symbols = sorted(set(twister))
index = {c: i for i, c in enumerate(symbols)}

ROWS, LENGTH = 8, 12
rows = np.array([index[c] for c in twister])
rows = rows[:len(rows) // ROWS * ROWS].reshape(ROWS, -1)

State = Tuple[jax.Array, jax.Array]


class CharLSTM(nnx.Module):
    """One-hot characters -> LSTMCell -> dropout -> scores of the next character."""

    def __init__(self, n_symbols: int, hidden: int = 48, dropout: float = 0.0, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.n_symbols = n_symbols
        self.hidden = hidden
        self.cell = LSTMCell(n_symbols, hidden, rngs=rngs)
        self.dropout = Dropout(dropout, rngs=rngs)
        self.readout = Linear(hidden, n_symbols, rngs=rngs)
        self.init_weights()

    def init_weights(self):
        self.readout.weight = init_xavier_uniform(self.rngs(), self.readout.weight)
        self.readout.bias[...] = jnp.full_like(self.readout.bias[...], 0)
        self.cell.weight_hh[...] = init_orthogonal(self.rngs(), self.cell.weight_hh[...])

    def initial_state(self, batch_size: int) -> State:
        h = jnp.zeros((batch_size, self.hidden))
        return h, h

    def __call__(self, x: jax.Array, state: Optional[State] = None):
        if state is None:
            state = self.initial_state(x.shape[0])
        h, c = state
        x = jax.nn.one_hot(x, self.n_symbols, dtype=jnp.int32).astype(jnp.float32)
        scores: List[jax.Array] = []
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
            scores.append(self.readout(self.dropout(h)))
        return jnp.stack(scores, axis=1), (h, c)


def windows():
    """Inputs and the characters after them; a row goes on where it stopped."""
    for start in range(0, rows.shape[1] - LENGTH, LENGTH):
        x = rows[:, start:start + LENGTH]
        y = rows[:, start + 1:start + LENGTH + 1]
        yield jnp.asarray(x), jnp.asarray(y)


batches = list(windows())


def build() -> nnx.Module:
    rngs = nnx.Rngs(0)
    return CharLSTM(len(symbols), rngs=rngs)


def train(model: nnx.Module, epochs: int = 24, lr: float = 0.01) -> List[float]:
    schedule = optax.exponential_decay(lr, transition_steps=1, decay_rate=0.95)
    optimizer = optax.chain(
        optax.clip_by_global_norm(5),
        optax.adam(learning_rate=lambda count: schedule(count // len(batches))),
    )
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    criterion = CrossEntropyLoss()
    losses: List[float] = []
    for epoch in range(epochs):
        model.train()
        h, c = model.initial_state(ROWS)
        for x, y in batches:
            # gradients stay in one window
            h, c = jax.lax.stop_gradient(h), jax.lax.stop_gradient(c)

            def loss_fn(model, c, h):
                scores, (h, c) = model(x, (h, c))
                return criterion(scores.reshape(-1, model.n_symbols), y.reshape(-1)), (h, c)

            (loss, (h, c)), grads = nnx.value_and_grad(loss_fn, has_aux=True)(model, c, h)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
        if epoch % 6 == 5:
            print("epoch {}/{}".format(epoch + 1, epochs), "loss {:.4f}".format(losses[-1]))
    return losses


def continue_text(model: nnx.Module, text: str, n: int) -> str:
    model.eval()
    x = jnp.array([[index[c] for c in text]])
    scores, state = model(x)
    for _ in range(n):
        probabilities = jax.nn.softmax(scores[0, -1], axis=0)
        best = probabilities.argmax().item()
        text += symbols[best]
        scores, state = model(jnp.array([[best]]), state)
    return text


if __name__ == "__main__":
    model = build()
    losses = train(model)
    print(continue_text(model, "pe", 30))
