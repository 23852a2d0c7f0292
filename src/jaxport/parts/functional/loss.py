"""The loss functions of `torch.nn.functional`.

`reduction` is "mean", "sum" or "none" in all of them; anything else raises ValueError.
"""

from __future__ import annotations

import math
from typing import Literal

import jax
import jax.numpy as jnp


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


def _at_least_zero(x: jax.Array) -> jax.Array:
    """max(x, 0) with slope 1 at 0, which torch's hinge losses have there."""
    return jnp.where(x < 0, 0, x)


def l1_loss(
    input: jax.Array, target: jax.Array, reduction: Literal["mean", "sum", "none"] = "mean"
) -> jax.Array:
    """The absolute difference of `input` and `target`, with slope 0 where they are equal."""
    difference = input - target
    # The slope of `jnp.abs` at 0 is 1.
    return _reduce(difference * jnp.sign(difference), reduction)


def mse_loss(
    input: jax.Array, target: jax.Array, reduction: Literal["mean", "sum", "none"] = "mean"
) -> jax.Array:
    """The squared difference of `input` and `target`."""
    return _reduce(jnp.square(input - target), reduction)


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


def _classes_last(x: jax.Array) -> jax.Array:
    """(C,), (N, C) or (N, C, …) with the axis of the classes moved to the end."""
    return jnp.moveaxis(x, min(1, x.ndim - 1), -1)


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


def kl_div(
    input: jax.Array,
    target: jax.Array,
    reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
    log_target: bool = False,
) -> jax.Array:
    """The pointwise Kullback-Leibler divergence of log-probabilities `input` from `target`.

    Args:
        input: log-probabilities.
        target: probabilities, or log-probabilities with `log_target`.
        reduction: see above; "batchmean" divides the sum by the size of axis 0, which gives the
            divergence of distributions. "mean" divides it by the number of values.
        log_target: see `target`.
    """
    if log_target:
        losses = jnp.exp(target) * (target - input)
    else:
        losses = jax.scipy.special.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0]
    return _reduce(losses, reduction)


def cosine_embedding_loss(
    input1: jax.Array,
    input2: jax.Array,
    target: jax.Array,
    margin: float = 0.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """1 - cos where `target` is 1, and what cos is above `margin` where it is -1.

    Args:
        input1: vectors, (N, D) or (D,).
        input2: vectors that are compared with them.
        target: 1 for pairs that belong together, -1 for the others, (N,) or ().
        margin: see above.
        reduction: see above.
    """
    squares = ((input1**2).sum(-1) + 1e-12) * ((input2**2).sum(-1) + 1e-12)
    cosine = (input1 * input2).sum(-1) / jnp.sqrt(squares)
    apart = jnp.where(target == -1, _at_least_zero(cosine - margin), 0)
    return _reduce(jnp.where(target == 1, 1 - cosine, apart), reduction)


def hinge_embedding_loss(
    input: jax.Array,
    target: jax.Array,
    margin: float = 1.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """`input` where `target` is 1, and what it is below `margin` where `target` is -1.

    Where `target` is anything else both are added, as in torch.
    """
    together = jnp.where(target == -1, 0, input)
    apart = jnp.where(target == 1, 0, _at_least_zero(margin - input))
    return _reduce(together + apart, reduction)


def margin_ranking_loss(
    input1: jax.Array,
    input2: jax.Array,
    target: jax.Array,
    margin: float = 0.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """What `input1` lacks to be `margin` above `input2` (`target` 1) or below it (-1)."""
    return _reduce(_at_least_zero(margin - target * (input1 - input2)), reduction)


def triplet_margin_loss(
    anchor: jax.Array,
    positive: jax.Array,
    negative: jax.Array,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """What `negative` lacks to be `margin` farther from `anchor` than `positive` is.

    Args:
        anchor: vectors, (…, D).
        positive: vectors that belong to them.
        negative: vectors that do not.
        margin: see above.
        p: the order of the norm that is the distance.
        eps: added to each difference, so that the norm has a slope.
        swap: whether the distance from `positive` to `negative` counts where it is smaller.
        reduction: see above.
    """

    def distance(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.linalg.norm(x - y + eps, ord=p, axis=-1)

    far = distance(anchor, negative)
    if swap:
        far = jnp.minimum(far, distance(positive, negative))
    return _reduce(_at_least_zero(margin + distance(anchor, positive) - far), reduction)


def gaussian_nll_loss(
    input: jax.Array,
    target: jax.Array,
    var: jax.Array | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """The negative log-likelihood of `target` under normal distributions.

    Args:
        input: their means.
        target: the values that were seen.
        var: their variances, one for each mean, or one for all means of the last axis. The loss of
            a negative one is NaN, where torch raises.
        full: whether the constant term is added.
        eps: the least variance; the gradient passes as if it were not there.
        reduction: see above.
    """
    variance = jnp.where(jnp.asarray(var) < 0, jnp.nan, var)
    if variance.shape != input.shape and variance.shape == input.shape[:-1]:
        variance = variance[..., None]
    variance += jax.lax.stop_gradient(jnp.maximum(variance, eps) - variance)
    losses = 0.5 * (jnp.log(variance) + (input - target) ** 2 / variance)
    if full:
        losses += 0.5 * math.log(2 * math.pi)
    return _reduce(losses, reduction)


def poisson_nll_loss(
    input: jax.Array,
    target: jax.Array,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jax.Array:
    """The negative log-likelihood of the counts `target` under Poisson distributions.

    Args:
        input: their means, or the logarithms of them with `log_input`.
        target: the counts.
        log_input: see `input`.
        full: whether Stirling's approximation of log(`target`!) is added for counts above 1.
        eps: added to the means before their logarithm is taken.
        reduction: see above.
    """
    mean, log_mean = (jnp.exp(input), input) if log_input else (input, jnp.log(input + eps))
    losses = mean - target * log_mean
    if full:
        large = jnp.where(target > 1, target, 1)
        stirling = large * jnp.log(large) - large + 0.5 * jnp.log(2 * math.pi * large)
        losses += jnp.where(target > 1, stirling, 0)
    return _reduce(losses, reduction)
