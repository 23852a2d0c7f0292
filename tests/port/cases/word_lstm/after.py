"""A word-level language model: two LSTM layers, truncated back-propagation, SGD."""
import math
import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import nnx
import numpy as np


class Dropout(nnx.Dropout):
    """`torch.nn.Dropout`: an `nnx.Dropout` with torch's arguments, 0.5 as the default."""

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rngs: nnx.Rngs) -> None:
        super().__init__(p, rngs=rngs)


class Embedding(nnx.Embed):
    """`torch.nn.Embedding`: an `nnx.Embed` with standard normal vectors.

    The vector at `padding_idx` starts as zeros, and looking it up gives it no gradient.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, embedding_init=nnx.initializers.normal(1.0), rngs=rngs
        )
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"padding_idx {padding_idx} is not one of {num_embeddings}")
            padding_idx %= num_embeddings
            self.embedding[...] = self.embedding[...].at[padding_idx].set(0.0)
        self.padding_idx = padding_idx

    @property
    def weight(self) -> jax.Array:
        """The embedding, (num_embeddings, embedding_dim)."""
        return self.embedding[...]

    @weight.setter
    def weight(self, value: jax.Array) -> None:
        self.embedding[...] = value

    def __call__(self, inputs: jax.Array) -> jax.Array:
        vectors = super().__call__(inputs)
        if self.padding_idx is None:
            return vectors
        padding = (inputs == self.padding_idx)[..., None]
        return jnp.where(padding, jax.lax.stop_gradient(vectors), vectors)


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


def _lstm_update(
    from_input: jax.Array, from_hidden: jax.Array, state: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """The next (hidden, cell) of an LSTM. Gates are input, forget, cell and output."""
    write, keep, new, show = jnp.split(from_input + from_hidden, 4, axis=-1)
    cell = jax.nn.sigmoid(keep) * state[1] + jax.nn.sigmoid(write) * jnp.tanh(new)
    return jax.nn.sigmoid(show) * jnp.tanh(cell), cell


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


def nll_loss(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    ignore_index: int = -100,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """The negative of the log-probability that `input` has for the class `target`.

    Args:
        input: log-probabilities, (C,), (N, C) or (N, C, …).
        target: classes from 0 to C - 1, of the shape of `input` without C.
        weight: a factor for each class, (C,); the mean is then the weighted one.
        ignore_index: the target that does not count, neither in the sum nor in the mean.
        reduction: see above.

    The loss of a target that is no class is NaN, where torch raises.
    """
    return _class_loss(_classes_last(input), target, weight, ignore_index, reduction, 0.0)


class NLLLoss(nnx.Module):
    """`torch.nn.NLLLoss`: the negative log-likelihood of classes."""

    def __init__(
        self,
        weight: jax.Array | None = None,
        *,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        self.weight = None if weight is None else nnx.BatchStat(weight)
        self.ignore_index = ignore_index
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        weight = None if self.weight is None else self.weight[...]
        return nll_loss(input, target, weight, self.ignore_index, self.reduction)


def init_uniform(key: jax.Array, x: jax.Array, a: float = 0.0, b: float = 1.0) -> jax.Array:
    """Values like `x`, uniform from `a` to `b`."""
    return jax.random.uniform(key, x.shape, x.dtype, a, b)

rngs = nnx.Rngs(1)

EMBED, HIDDEN, LAYERS = 24, 32, 2
BATCH_SIZE, EVAL_BATCH_SIZE = 8, 4
BPTT = 10
EPOCHS = 8


class Vocabulary(object):
    def __init__(self):
        self.ids = {}
        self.words = []

    def __call__(self, word):
        if word not in self.ids:
            self.ids[word] = len(self.words)
            self.words.append(word)
        return self.ids[word]

    def __len__(self):
        return len(self.words)


def sentences(n, seed):
    """Words of a tiny grammar."""
    rng = np.random.default_rng(seed)
    words = []
    for _ in range(n):
        who = rng.choice(["the cat", "a dog", "one bird", "our old neighbour"])
        does = rng.choice(["sees", "likes", "follows"])
        what = rng.choice(["the moon", "a tree", "that river"])
        words += f"{who} {does} {what} .".split()
    return words


class LanguageModel(nnx.Module):
    def __init__(self, n_words, embed, hidden, layers, dropout=0.0, *, rngs: nnx.Rngs):
        self.rngs = rngs.fork()
        self.n_words = n_words
        self.hidden = hidden
        self.layers = layers
        self.dropout = Dropout(dropout, rngs=rngs)
        self.embedding = Embedding(n_words, embed, rngs=rngs)
        self.lstm = LSTM(embed, hidden, layers, dropout=dropout, rngs=rngs)
        self.output = Linear(hidden, n_words, rngs=rngs)
        self.reset_parameters()

    def reset_parameters(self, scale=0.5):
        self.embedding.weight = init_uniform(self.rngs(), self.embedding.weight, a=-scale, b=scale)
        self.output.weight = init_uniform(self.rngs(), self.output.weight, a=-scale, b=scale)
        self.output.bias[...] = jnp.zeros_like(self.output.bias[...])

    def __call__(self, words, state):
        x = self.dropout(self.embedding(words))
        x, state = self.lstm(x, state)
        scores = self.output(self.dropout(x)).reshape(-1, self.n_words)
        return jax.nn.log_softmax(scores, axis=1), state

    def zero_state(self, batch_size):
        like = next(iter(jax.tree.leaves(nnx.state(self, nnx.Param))))
        shape = (self.layers, batch_size, self.hidden)
        return jnp.zeros(shape, dtype=like.dtype), jnp.zeros(shape, dtype=like.dtype)


def detached(state):
    """The same values, cut off from the steps that led to them."""
    if isinstance(state, jax.Array):
        return jax.lax.stop_gradient(state)
    return tuple(detached(s) for s in state)


def in_columns(ids, n_columns):
    """A long text as columns that lie side by side; what does not fill them is left out."""
    length = ids.shape[0] // n_columns
    ids = jax.lax.dynamic_slice_in_dim(ids, 0, length * n_columns, axis=0)
    return ids.reshape(n_columns, -1).T


def windows(source):
    for start in range(0, source.shape[0] - 1, BPTT):
        stop = min(start + BPTT, source.shape[0] - 1)
        yield source[start:stop], source[start + 1:stop + 1].reshape(-1)


vocabulary = Vocabulary()
train_ids = jnp.array([vocabulary(w) for w in sentences(160, seed=0)], dtype=int)
valid_ids = jnp.array([vocabulary(w) for w in sentences(30, seed=1)], dtype=int)
train_data = in_columns(train_ids, BATCH_SIZE)
valid_data = in_columns(valid_ids, EVAL_BATCH_SIZE)
criterion = NLLLoss()


def build(*, rngs: nnx.Rngs):
    return LanguageModel(len(vocabulary), EMBED, HIDDEN, LAYERS, rngs=rngs)


def perplexity(model, source):
    model.eval()
    total, count = 0., 0
    state = model.zero_state(EVAL_BATCH_SIZE)
    for words, targets in windows(source):
        scores, state = model(words, state)
        total += criterion(scores, targets).item() * len(targets)
        count += len(targets)
    return math.exp(total / count)


def train(model):
    optimizer = optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(learning_rate=4.0))
    opt_state = optimizer.init(nnx.state(model, nnx.Param))
    losses = []
    for epoch in range(1, EPOCHS + 1):
        model.train()
        state = model.zero_state(BATCH_SIZE)
        for i, (words, targets) in enumerate(windows(train_data)):
            state = detached(state)

            def loss_fn(model, state):
                scores, state = model(words, state)
                return criterion(scores, targets), state

            (loss, state), grads = nnx.value_and_grad(loss_fn, has_aux=True)(model, state)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)
            losses.append(loss.item())
            if i % 5 == 4:
                recent = sum(losses[-5:]) / 5
                print('epoch {:2d} | {:3d} batches | loss {:5.2f}'.format(epoch, i + 1, recent))
        print('epoch {:2d} | valid ppl {:8.2f}'.format(epoch, perplexity(model, valid_data)))
    return losses


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
