"""Recurrent layers and cells, with torch's variables, layouts and order of gates."""

# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from jaxport.parts.nn.dropout import Dropout


def _lstm_update(
    from_input: jax.Array, from_hidden: jax.Array, state: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """The next (hidden, cell) of an LSTM. Gates are input, forget, cell and output."""
    write, keep, new, show = jnp.split(from_input + from_hidden, 4, axis=-1)
    cell = jax.nn.sigmoid(keep) * state[1] + jax.nn.sigmoid(write) * jnp.tanh(new)
    return jax.nn.sigmoid(show) * jnp.tanh(cell), cell


def _gru_update(
    from_input: jax.Array, from_hidden: jax.Array, state: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """The next (hidden,) of a GRU. Gates are reset, update and new."""
    reset_x, update_x, new_x = jnp.split(from_input, 3, axis=-1)
    reset_h, update_h, new_h = jnp.split(from_hidden, 3, axis=-1)
    new = jnp.tanh(new_x + jax.nn.sigmoid(reset_x + reset_h) * new_h)
    update = jax.nn.sigmoid(update_x + update_h)
    return ((1 - update) * new + update * state[0],)


def _tanh_update(
    from_input: jax.Array, from_hidden: jax.Array, state: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """The next (hidden,) of a network without gates."""
    return (jnp.tanh(from_input + from_hidden),)


def _relu_update(
    from_input: jax.Array, from_hidden: jax.Array, state: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """The next (hidden,) of a network without gates, by ReLU."""
    return (jax.nn.relu(from_input + from_hidden),)


def _rnn_update(nonlinearity: str) -> Callable[..., tuple[jax.Array, ...]]:
    """The update of a network without gates; ValueError if it is neither "tanh" nor "relu"."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}")
    return _tanh_update if nonlinearity == "tanh" else _relu_update


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


def _affine(x: jax.Array, weight: jax.Array, bias: jax.Array | None) -> jax.Array:
    """`x` times the transposed `weight`, plus `bias`."""
    return x @ weight.T if bias is None else x @ weight.T + bias


def _over_time(
    update: Callable[..., tuple[jax.Array, ...]],
    reverse: bool,
    from_inputs: jax.Array,
    state: tuple[jax.Array, ...],
    weight_hh: jax.Array,
    bias_hh: jax.Array | None,
) -> tuple[tuple[jax.Array, ...], jax.Array]:
    """The last state and the hidden values (L, N, H) after steps from one end to the other."""

    def step(
        state: tuple[jax.Array, ...], from_input: jax.Array
    ) -> tuple[tuple[jax.Array, ...], jax.Array]:
        state = update(from_input, _affine(state[0], weight_hh, bias_hh), state)
        return state, state[0]

    last, hidden = jax.lax.scan(step, state, from_inputs, reverse=reverse)
    return last, hidden


class _Recurrent(nnx.Module):
    """Layers of recurrent cells over a sequence: what LSTM, GRU and RNN share."""

    def __init__(
        self,
        update: Callable[..., tuple[jax.Array, ...]],
        gates: int,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        rngs: nnx.Rngs,
    ) -> None:
        self.update = update
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        self.directions = ("", "_reverse") if bidirectional else ("",)
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * len(self.directions)
            for direction in self.directions:
                variables = _recurrent_variables(gates, width, hidden_size, bias, rngs)
                for name, variable in variables.items():
                    setattr(self, f"{name}_l{layer}{direction}", variable)
        self.dropout = Dropout(dropout, rngs=rngs)

    def _zeros(self, input: jax.Array) -> jax.Array:
        """The state that torch starts from if none is given."""
        batch = () if input.ndim == 2 else (input.shape[0 if self.batch_first else 1],)
        count = self.num_layers * len(self.directions)
        return jnp.zeros((count, *batch, self.hidden_size), input.dtype)

    def _layers(
        self, input: jax.Array, state: tuple[jax.Array, ...]
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """All layers over a sequence.

        Args:
            input: (L, N, I), (N, L, I) with `batch_first`, or (L, I).
            state: arrays (layers * directions, N, H), without N if `input` has none.

        Returns:
            The hidden values of the last layer, (L, N, directions * H) in the layout of `input`,
            and the last state, of the shape of `state`.
        """
        x = input
        if input.ndim == 2:
            x, state = x[:, None], tuple(array[:, None] for array in state)
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        last: list[tuple[jax.Array, ...]] = []
        for layer in range(self.num_layers):
            if layer > 0:
                x = self.dropout(x)
            outputs = []
            for direction in self.directions:
                first = tuple(array[len(last)] for array in state)
                final, hidden = self._one_layer(x, first, layer, direction)
                last.append(final)
                outputs.append(hidden)
            x = jnp.concatenate(outputs, axis=-1)
        state = tuple(jnp.stack(arrays) for arrays in zip(*last, strict=True))
        if input.ndim == 2:
            return x[:, 0], tuple(array[:, 0] for array in state)
        return (x.swapaxes(0, 1) if self.batch_first else x), state

    def _one_layer(
        self, x: jax.Array, state: tuple[jax.Array, ...], layer: int, direction: str
    ) -> tuple[tuple[jax.Array, ...], jax.Array]:
        """The last state and the hidden values (L, N, H) of one layer in one direction."""
        weight_ih, weight_hh, bias_ih, bias_hh = (
            getattr(self, f"{name}_l{layer}{direction}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        bias = None if bias_hh is None else bias_hh[...]
        # Compiled once for each shape, also where the model itself is not compiled.
        over_time = jax.jit(_over_time, static_argnums=(0, 1))
        last, hidden = over_time(
            self.update, direction == "_reverse", _affine(x, weight_ih, bias_ih), state,
            weight_hh[...], bias,
        )  # fmt: skip
        return last, hidden


class LSTM(_Recurrent):
    """`torch.nn.LSTM` without projections and packed sequences."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            _lstm_update, 4, input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, rngs,
        )  # fmt: skip

    def __call__(
        self, input: jax.Array, hx: tuple[jax.Array, jax.Array] | None = None
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """The outputs and the last (hidden, cell).

        Args:
            input: (L, N, I), (N, L, I) with `batch_first`, or (L, I).
            hx: the first (hidden, cell), both (layers * directions, N, H); zeros by default.
        """
        state = (self._zeros(input), self._zeros(input)) if hx is None else tuple(hx)
        output, (hidden, cell) = self._layers(input, state)
        return output, (hidden, cell)


class GRU(_Recurrent):
    """`torch.nn.GRU` without packed sequences."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            _gru_update, 3, input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, rngs,
        )  # fmt: skip

    def __call__(
        self, input: jax.Array, hx: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """The outputs and the last hidden state.

        Args:
            input: (L, N, I), (N, L, I) with `batch_first`, or (L, I).
            hx: the first hidden state, (layers * directions, N, H); zeros by default.
        """
        output, (hidden,) = self._layers(input, (self._zeros(input) if hx is None else hx,))
        return output, hidden


class RNN(_Recurrent):
    """`torch.nn.RNN` without packed sequences.

    Raises:
        ValueError: `nonlinearity` is neither "tanh" nor "relu".
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            _rnn_update(nonlinearity), 1, input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, rngs,
        )  # fmt: skip

    def __call__(
        self, input: jax.Array, hx: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """The outputs and the last hidden state.

        Args:
            input: (L, N, I), (N, L, I) with `batch_first`, or (L, I).
            hx: the first hidden state, (layers * directions, N, H); zeros by default.
        """
        output, (hidden,) = self._layers(input, (self._zeros(input) if hx is None else hx,))
        return output, hidden


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


class GRUCell(_RecurrentCell):
    """`torch.nn.GRUCell`."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        super().__init__(_gru_update, 3, input_size, hidden_size, bias, rngs)

    def __call__(self, input: jax.Array, hx: jax.Array | None = None) -> jax.Array:
        """The next hidden state, (N, H), from `input`, (N, I), and the last one, or zeros."""
        return self._step(input, (self._zeros(input) if hx is None else hx,))[0]


class RNNCell(_RecurrentCell):
    """`torch.nn.RNNCell`.

    Raises:
        ValueError: `nonlinearity` is neither "tanh" nor "relu".
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        *,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(_rnn_update(nonlinearity), 1, input_size, hidden_size, bias, rngs)

    def __call__(self, input: jax.Array, hx: jax.Array | None = None) -> jax.Array:
        """The next hidden state, (N, H), from `input`, (N, I), and the last one, or zeros."""
        return self._step(input, (self._zeros(input) if hx is None else hx,))[0]
