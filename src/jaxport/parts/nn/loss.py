"""The loss layers of `torch.nn` as modules of Flax.

`reduction` is "mean", "sum" or "none" in all of them; a call with anything else raises ValueError.
Weights are variables of the kind `nnx.BatchStat`: not trained, but part of the state.
"""

# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Literal

import jax
from flax import nnx

from jaxport.parts.functional.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    gaussian_nll_loss,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
    triplet_margin_loss,
)


class L1Loss(nnx.Module):
    """`torch.nn.L1Loss`: the absolute difference."""

    def __init__(self, *, reduction: Literal["mean", "sum", "none"] = "mean") -> None:
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return l1_loss(input, target, self.reduction)


class MSELoss(nnx.Module):
    """`torch.nn.MSELoss`: the squared difference."""

    def __init__(self, *, reduction: Literal["mean", "sum", "none"] = "mean") -> None:
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return mse_loss(input, target, self.reduction)


class SmoothL1Loss(nnx.Module):
    """`torch.nn.SmoothL1Loss`: the Huber loss divided by `beta`."""

    def __init__(
        self, *, reduction: Literal["mean", "sum", "none"] = "mean", beta: float = 1.0
    ) -> None:
        self.reduction = reduction
        self.beta = beta

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(nnx.Module):
    """`torch.nn.HuberLoss`: squared up to `delta`, linear beyond."""

    def __init__(
        self, reduction: Literal["mean", "sum", "none"] = "mean", delta: float = 1.0
    ) -> None:
        self.reduction = reduction
        self.delta = delta

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return huber_loss(input, target, self.reduction, self.delta)


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


class KLDivLoss(nnx.Module):
    """`torch.nn.KLDivLoss`: the Kullback-Leibler divergence; `reduction` can be "batchmean"."""

    def __init__(
        self,
        *,
        reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        log_target: bool = False,
    ) -> None:
        self.reduction = reduction
        self.log_target = log_target

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return kl_div(input, target, self.reduction, self.log_target)


class CosineEmbeddingLoss(nnx.Module):
    """`torch.nn.CosineEmbeddingLoss`: for pairs of vectors that belong together or do not."""

    def __init__(
        self, margin: float = 0.0, *, reduction: Literal["mean", "sum", "none"] = "mean"
    ) -> None:
        self.margin = margin
        self.reduction = reduction

    def __call__(self, input1: jax.Array, input2: jax.Array, target: jax.Array) -> jax.Array:
        return cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(nnx.Module):
    """`torch.nn.HingeEmbeddingLoss`: for distances of pairs that belong together or do not."""

    def __init__(
        self, margin: float = 1.0, *, reduction: Literal["mean", "sum", "none"] = "mean"
    ) -> None:
        self.margin = margin
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array) -> jax.Array:
        return hinge_embedding_loss(input, target, self.margin, self.reduction)


class MarginRankingLoss(nnx.Module):
    """`torch.nn.MarginRankingLoss`: for pairs of which one should score higher."""

    def __init__(
        self, margin: float = 0.0, *, reduction: Literal["mean", "sum", "none"] = "mean"
    ) -> None:
        self.margin = margin
        self.reduction = reduction

    def __call__(self, input1: jax.Array, input2: jax.Array, target: jax.Array) -> jax.Array:
        return margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class TripletMarginLoss(nnx.Module):
    """`torch.nn.TripletMarginLoss`: `positive` should be nearer to `anchor` than `negative`."""

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap
        self.reduction = reduction

    def __call__(self, anchor: jax.Array, positive: jax.Array, negative: jax.Array) -> jax.Array:
        return triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


class GaussianNLLLoss(nnx.Module):
    """`torch.nn.GaussianNLLLoss`: the negative log-likelihood under normal distributions."""

    def __init__(
        self,
        *,
        full: bool = False,
        eps: float = 1e-6,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        self.full = full
        self.eps = eps
        self.reduction = reduction

    def __call__(self, input: jax.Array, target: jax.Array, var: jax.Array | float) -> jax.Array:
        return gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(nnx.Module):
    """`torch.nn.PoissonNLLLoss`: the negative log-likelihood under Poisson distributions."""

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        *,
        eps: float = 1e-8,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        self.log_input = log_input
        self.full = full
        self.eps = eps
        self.reduction = reduction

    def __call__(self, log_input: jax.Array, target: jax.Array) -> jax.Array:
        return poisson_nll_loss(
            log_input, target, self.log_input, self.full, self.eps, self.reduction
        )
