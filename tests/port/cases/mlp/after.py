"""Classify points on three interleaved spiral arms with a small multilayer perceptron."""
import functools
import math
from typing import Literal, NamedTuple

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


def max_with_indices(x: jax.Array, dim: int, keepdim: bool = False) -> ValuesAndIndices:
    """`torch.max` along a dimension: the maxima, and where the first of each is."""
    return _at(x, jnp.argmax(x, axis=dim, keepdims=True), dim, keepdim)

rngs = nnx.Rngs(0)

N_CLASSES = 3
POINTS_PER_CLASS = 80
BATCH_SIZE = 24
EPOCHS = 20



def make_spirals(seed=0):
    rng = np.random.default_rng(seed)
    points, labels = [], []
    for c in range(N_CLASSES):
        r = np.linspace(0.1, 1.0, POINTS_PER_CLASS)
        angle = 4.0 * r + c * 2 * np.pi / N_CLASSES + rng.normal(0, 0.15, POINTS_PER_CLASS)
        points.append(np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1))
        labels.append(np.full(POINTS_PER_CLASS, c))
    points, labels = np.concatenate(points), np.concatenate(labels)
    order = rng.permutation(len(points))
    return points[order].astype(np.float32), labels[order]


points, labels = make_spirals()
X = jnp.asarray(points)
Y = jnp.asarray(labels).astype(int)
n_train = 192
x_train, y_train = X[:n_train], Y[:n_train]
x_test, y_test = X[n_train:], Y[n_train:]


class MLP(nnx.Module):
    """Two hidden layers with ReLU, and dropout before the last layer."""

    def __init__(self, in_features, hidden, n_classes, p_drop=0.0, *, rngs: nnx.Rngs):
        self.fc1 = Linear(in_features, hidden, rngs=rngs)
        self.fc2 = Linear(hidden, hidden, rngs=rngs)
        self.dropout = Dropout(p_drop, rngs=rngs)
        self.fc3 = Linear(hidden, n_classes, rngs=rngs)

    def __call__(self, x):
        x = x.reshape(x.shape[0], -1)
        x = jax.nn.relu(self.fc1(x))
        x = jax.nn.relu(self.fc2(x))
        return self.fc3(self.dropout(x))


def build(*, rngs: nnx.Rngs):
    return MLP(2, 48, N_CLASSES, rngs=rngs)


def train(model, epochs=EPOCHS):
    criterion = CrossEntropyLoss()
    schedule = lambda count: 0.2 * 0.1 ** (count // 15)
    optimizer = optax.chain(
        optax.add_decayed_weights(1e-4),
        optax.sgd(
            learning_rate=lambda count: schedule(count // len(range(0, len(x_train), BATCH_SIZE))),
            momentum=0.9,
        ),
    )
    opt_state = optimizer.init(nnx.state(model, nnx.Param))

    losses = []
    for epoch in range(epochs):
        model.train()
        running_loss = 0.0
        n_batches = 0
        for i in range(0, len(x_train), BATCH_SIZE):
            inputs = x_train[i:i + BATCH_SIZE]
            targets = y_train[i:i + BATCH_SIZE]

            def loss_fn(model):
                outputs = model(inputs)
                return criterion(outputs, targets)

            loss, grads = nnx.value_and_grad(loss_fn)(model)
            params = nnx.state(model, nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            nnx.update(model, params)

            losses.append(loss.item())
            running_loss += loss.item()
            n_batches += 1
        if (epoch + 1) % 5 == 0:
            print("Epoch %2d  loss %.4f  test accuracy %.1f%%"
                  % (epoch + 1, running_loss / n_batches, 100 * accuracy(model)))
    return losses


def accuracy(model):
    model.eval()
    outputs = model(x_test)
    _, predicted = max_with_indices(outputs, 1)
    correct = (predicted == y_test).sum().item()
    return correct / y_test.shape[0]


if __name__ == "__main__":
    model = build(rngs=rngs)
    losses = train(model)
