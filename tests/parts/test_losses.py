"""Losses: layers and functions give torch's values and gradients."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from against_torch import (
    agree,
    check_signature,
    compare,
    ported,
    run_jax,
    run_torch,
    unused,
)
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxport.parts.functional import loss as functions
from jaxport.parts.nn import loss as layers

few = settings(max_examples=6, deadline=None, derandomize=True)
Array = np.ndarray[Any, Any]
SHAPES = st.just((3, 4))
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
SEEDS = st.integers(0, 999)
LAYERS: dict[str, Any] = {
    name: value for name, value in vars(layers).items()
    if inspect.isclass(value) and value.__module__ == layers.__name__
}  # fmt: skip
FUNCTIONS = {
    "L1Loss": "l1_loss", "MSELoss": "mse_loss", "SmoothL1Loss": "smooth_l1_loss",
    "HuberLoss": "huber_loss", "NLLLoss": "nll_loss", "CrossEntropyLoss": "cross_entropy",
    "BCELoss": "binary_cross_entropy", "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "KLDivLoss": "kl_div", "CosineEmbeddingLoss": "cosine_embedding_loss",
    "HingeEmbeddingLoss": "hinge_embedding_loss", "MarginRankingLoss": "margin_ranking_loss",
    "TripletMarginLoss": "triplet_margin_loss", "GaussianNLLLoss": "gaussian_nll_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
}  # fmt: skip


def check(name: str, *arrays: Array, differentiated: int = 1, **arguments: Any) -> None:
    """Layer and function agree with torch's; arrays among `arguments` are weights."""
    named = {key: value for key, value in arguments.items() if isinstance(value, np.ndarray)}
    tensors = {key: torch.tensor(value) for key, value in named.items()}
    values = {key: jnp.asarray(value) for key, value in named.items()}
    theirs = getattr(torch.nn, name)(**{**arguments, **tensors})
    ours = LAYERS[name](**{**arguments, **values})
    compare(theirs, ours, *arrays, differentiated=differentiated)

    inputs = [f"x{i}" for i in range(len(arrays))]
    constants = [
        f"{key}={key if key in named else repr(value)}" for key, value in arguments.items()
    ]
    call = f"F.{FUNCTIONS[name]}({', '.join(inputs + constants)})"
    source = ported(call)
    compare(
        lambda *xs: run_torch(call, **dict(zip(inputs, xs, strict=True)), **tensors),
        lambda *xs: run_jax(source, **dict(zip(inputs, xs, strict=True)), **values),
        *arrays,
    )


def normal(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


def whole(shape: tuple[int, ...], seed: int) -> Array:
    """Whole numbers, so that kinks are met."""
    return np.random.default_rng(seed).integers(-2, 3, shape).astype(np.float32)


def uniform(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32)


def signs(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).choice([-1.0, 1.0], shape).astype(np.float32)


@pytest.mark.parametrize("name", LAYERS)
def test_signature(name: str) -> None:
    assert FUNCTIONS.keys() == LAYERS.keys()
    check_signature(LAYERS[name], getattr(torch.nn, name))


@pytest.mark.parametrize("name", ["L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss"])
@few
@given(shape=SHAPES, seed=SEEDS, reduction=REDUCTIONS, size=st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_differences(
    name: str, shape: tuple[int, ...], seed: int, reduction: str, size: float
) -> None:
    arguments: dict[str, Any] = {"reduction": reduction}
    if name == "SmoothL1Loss":
        arguments["beta"] = size
    if name == "HuberLoss":
        arguments["delta"] = size + 0.25
    check(name, normal(shape, seed), normal(shape, seed + 1), differentiated=2, **arguments)
    check(name, whole(shape, seed), whole(shape, seed + 1), **arguments)


@pytest.mark.parametrize("name", ["L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss"])
def test_shapes_that_torch_warns_of(name: str) -> None:
    check(name, normal((3, 1), 0), normal((4,), 1), reduction="none")
    check(name, normal((3, 4), 0), normal((4,), 1))


@st.composite
def classes(draw: st.DrawFn) -> tuple[Array, Array, dict[str, Any]]:
    """Scores, classes of which some are ignored, and arguments."""
    shape = draw(st.sampled_from([(4,), (3, 4), (3, 4, 2)]))
    random = np.random.default_rng(draw(SEEDS))
    target = random.integers(0, 4, shape[:1] + shape[2:] if len(shape) > 1 else ())
    arguments: dict[str, Any] = {"reduction": draw(REDUCTIONS)}
    if draw(st.booleans()):
        arguments["weight"] = random.uniform(0, 2, 4).astype(np.float32)
    ignored = draw(st.sampled_from([None, -100, 2, -1]))
    if ignored is not None:
        arguments["ignore_index"] = ignored
        target = np.where(random.uniform(size=target.shape) < 0.3, ignored, target)
    if (target == arguments.get("ignore_index", -100)).all():
        target = np.zeros_like(target)
    return random.normal(0, 3, shape).astype(np.float32), target, arguments


@settings(few, max_examples=12)
@given(case=classes(), smoothing=st.sampled_from([0.0, 0.0, 0.1, 1.0]))
def test_cross_entropy_with_classes(
    case: tuple[Array, Array, dict[str, Any]], smoothing: float
) -> None:
    logits, target, arguments = case
    check("CrossEntropyLoss", logits, target, label_smoothing=smoothing, **arguments)


@few
@given(case=classes())
def test_nll(case: tuple[Array, Array, dict[str, Any]]) -> None:
    scores, target, arguments = case
    check("NLLLoss", scores, target, **arguments)


@few
@given(
    shape=st.sampled_from([(3, 4), (3, 4, 2)]), seed=SEEDS, reduction=REDUCTIONS,
    smoothing=st.sampled_from([0.0, 0.2]), weighted=st.booleans(),
)  # fmt: skip
def test_cross_entropy_with_probabilities(
    shape: tuple[int, ...], seed: int, reduction: str, smoothing: float, weighted: bool
) -> None:
    weight = {"weight": uniform((4,), seed)} if weighted else {}
    target = uniform(shape, seed)
    check(
        "CrossEntropyLoss", normal(shape, seed), target, differentiated=2, reduction=reduction,
        label_smoothing=smoothing, **weight,
    )  # fmt: skip


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_nothing_counts(smoothing: float) -> None:
    logits, target = normal((3, 4), 0), np.full(3, -100)
    check("CrossEntropyLoss", logits, target, label_smoothing=smoothing)
    check("CrossEntropyLoss", logits, target, label_smoothing=smoothing, reduction="sum")


def test_impossible_scores() -> None:
    logits = np.array([[0, -np.inf, 1], [-np.inf, 2, 0]], np.float32)
    check("CrossEntropyLoss", logits, np.array([0, 2]))
    check("CrossEntropyLoss", logits, np.array([-100, 2]))
    check("CrossEntropyLoss", logits, np.array([1, 2]), differentiated=0)


@pytest.mark.parametrize("target", [-1, 4, -4])
def test_a_target_that_is_no_class_gives_nan(target: int) -> None:
    logits = jnp.zeros((2, 4))
    losses = functions.cross_entropy(logits, jnp.array([1, target]), reduction="none")
    assert jnp.isnan(losses[1]) and not jnp.isnan(losses[0])


@few
@given(shape=SHAPES, seed=SEEDS, reduction=REDUCTIONS, weighted=st.booleans())
def test_bce(shape: tuple[int, ...], seed: int, reduction: str, weighted: bool) -> None:
    weight = {"weight": uniform(shape[-1:], seed)} if weighted else {}
    x, y = uniform(shape, seed) * 0.98 + 0.01, uniform(shape, seed + 1)
    check("BCELoss", x, y, differentiated=2, reduction=reduction, **weight)


def test_bce_at_the_ends() -> None:
    x = np.array([0, 1, 0, 1, 1e-13, 1 - 1e-7, 0.5, 1, 0], np.float32)
    y = np.array([0, 1, 1, 0, 0, 1, 0.5, 0.5, 0.25], np.float32)
    check("BCELoss", x, y, reduction="none")
    check("BCELoss", x, y)


def test_bce_curvature() -> None:
    x = torch.tensor([0.2, 0.7], requires_grad=True)
    y = torch.tensor([0.4, 0.1])
    loss = torch.nn.functional.binary_cross_entropy(x, y, reduction="sum")
    (slope,) = torch.autograd.grad(loss, x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    ours = jax.hessian(lambda x: functions.binary_cross_entropy(x, y.numpy(), reduction="sum"))
    agree(jnp.diag(ours(jnp.asarray(x.detach().numpy()))), curvature)


@few
@given(
    shape=SHAPES, seed=SEEDS, reduction=REDUCTIONS, weighted=st.booleans(),
    positive=st.booleans(),
)  # fmt: skip
def test_bce_with_logits(
    shape: tuple[int, ...], seed: int, reduction: str, weighted: bool, positive: bool
) -> None:
    arguments: dict[str, Any] = {"reduction": reduction}
    if weighted:
        arguments["weight"] = uniform(shape, seed)
    if positive:
        arguments["pos_weight"] = uniform(shape[-1:], seed) * 3
    x, y = normal(shape, seed) * 20, uniform(shape, seed + 1)
    check("BCEWithLogitsLoss", x, y, differentiated=2, **arguments)
    check("BCEWithLogitsLoss", whole(shape, seed), y.round(), **arguments)


@few
@given(
    shape=SHAPES, seed=SEEDS, log_target=st.booleans(),
    reduction=st.sampled_from(["mean", "sum", "none", "batchmean"]),
)  # fmt: skip
def test_kl_div(shape: tuple[int, ...], seed: int, log_target: bool, reduction: str) -> None:
    x, y = np.log(uniform(shape, seed) + 0.01), uniform(shape, seed + 1) + 0.01
    if log_target:
        y = np.log(y)
    check("KLDivLoss", x, y, differentiated=2, log_target=log_target, reduction=reduction)
    if not log_target:
        check("KLDivLoss", x, np.where(y > 0.5, y, 0), reduction=reduction)


@few
@given(
    shape=st.just((3, 4)), seed=SEEDS, reduction=REDUCTIONS,
    margin=st.sampled_from([0.0, 0.5, -0.5]),
)  # fmt: skip
def test_cosine_embedding(shape: tuple[int, ...], seed: int, reduction: str, margin: float) -> None:
    for pick in (normal, whole):
        check(
            "CosineEmbeddingLoss", pick(shape, seed), pick(shape, seed + 1),
            signs(shape[:-1], seed), differentiated=2, margin=margin, reduction=reduction,
        )  # fmt: skip


@few
@given(shape=SHAPES, seed=SEEDS, reduction=REDUCTIONS, margin=st.sampled_from([0.0, 1.0]))
def test_hinges(shape: tuple[int, ...], seed: int, reduction: str, margin: float) -> None:
    arguments: dict[str, Any] = {"margin": margin, "reduction": reduction}
    for pick in (normal, whole):
        x, y, target = pick(shape, seed), pick(shape, seed + 1), signs(shape, seed)
        check("HingeEmbeddingLoss", x, target, **arguments)
        check("MarginRankingLoss", x, y, target, differentiated=2, **arguments)
    check("HingeEmbeddingLoss", x, whole(shape, seed), **arguments)


@few
@given(
    shape=st.just((3, 4)), seed=SEEDS, reduction=REDUCTIONS,
    p=st.sampled_from([1.0, 2.0, 3.0]), swap=st.booleans(), margin=st.sampled_from([1.0, 0.3]),
)  # fmt: skip
def test_triplet_margin(
    shape: tuple[int, ...], seed: int, reduction: str, p: float, swap: bool, margin: float
) -> None:
    arrays = [normal(shape, seed + i) for i in range(3)]
    check(
        "TripletMarginLoss", *arrays, differentiated=3, p=p, swap=swap, margin=margin,
        reduction=reduction,
    )  # fmt: skip
    check("TripletMarginLoss", arrays[0], arrays[0], arrays[1], p=p, eps=1e-3)


@few
@given(
    shape=SHAPES, seed=SEEDS, reduction=REDUCTIONS, full=st.booleans(),
    kind=st.sampled_from(["each", "last", "one"]),
)  # fmt: skip
def test_gaussian_nll(
    shape: tuple[int, ...], seed: int, reduction: str, full: bool, kind: str
) -> None:
    variances = {
        "each": uniform(shape, seed), "last": uniform(shape[:-1], seed),
        "one": uniform((*shape[:-1], 1), seed),
    }  # fmt: skip
    x, y = normal(shape, seed), normal(shape, seed + 1)
    variance = np.where(variances[kind] < 0.2, np.float32(0.05), variances[kind])
    check(
        "GaussianNLLLoss", x, y, variance, differentiated=3, reduction=reduction, full=full,
        eps=0.1,
    )  # fmt: skip


def test_gaussian_nll_variances() -> None:
    x, y = normal((3, 4), 0), normal((3, 4), 1)
    compare(
        lambda x, y: run_torch("F.gaussian_nll_loss(x, y, 0.5)", x=x, y=y),
        lambda x, y: run_jax(ported("F.gaussian_nll_loss(x, y, 0.5)"), x=x, y=y),
        x, y,
    )  # fmt: skip
    check("GaussianNLLLoss", x, y, np.zeros((3, 4), np.float32))
    negative = functions.gaussian_nll_loss(x, y, jnp.full(3, -1.0), reduction="none")
    assert jnp.isnan(negative).all()


@few
@given(shape=SHAPES, seed=SEEDS, reduction=REDUCTIONS, full=st.booleans(), log_input=st.booleans())
def test_poisson_nll(
    shape: tuple[int, ...], seed: int, reduction: str, full: bool, log_input: bool
) -> None:
    x, y = normal(shape, seed), np.random.default_rng(seed).poisson(2, shape).astype(np.float32)
    check(
        "PoissonNLLLoss", x if log_input else np.exp(x), y, log_input=log_input, full=full,
        reduction=reduction,
    )  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_unknown_reduction(name: str) -> None:
    arrays = [jnp.full((2, 3), 0.5)] * (3 if "Tripl" in name or "Gauss" in name else 2)
    if name in ("CosineEmbeddingLoss", "MarginRankingLoss"):
        arrays.append(jnp.ones(()))
    if name == "NLLLoss":
        arrays[1] = jnp.zeros(2, int)
    with pytest.raises(ValueError, match="reduction"):
        LAYERS[name](reduction="average")(*arrays)


def test_weights_are_state_but_not_trained() -> None:
    module = layers.BCEWithLogitsLoss(jnp.ones(3), pos_weight=jnp.ones(3))
    assert set(nnx.state(module)) == {"weight", "pos_weight"}
    assert not nnx.state(module, nnx.Param)
    assert not nnx.state(layers.CrossEntropyLoss())


def test_every_form_is_run() -> None:
    more = {
        "cosine_embedding_loss": "x, x, y", "margin_ranking_loss": "x, x, y",
        "triplet_margin_loss": "x, y, y", "gaussian_nll_loss": "x, y, v",
    }  # fmt: skip
    # The calls that `check` makes.
    calls = [
        f"F.{name}({more.get(name, 'x, y')}, reduction={reduction})"
        for name in FUNCTIONS.values() for reduction in ("'mean'", "'sum'", "'none'", "how")
    ]  # fmt: skip
    assert unused("losses", calls) == []


@pytest.mark.parametrize(
    "call", ["F.mse_loss(x, y, reduction=how)", "F.l1_loss(x, y, reduction=how)"]
)
@pytest.mark.parametrize("how", ["mean", "sum", "none"])
def test_reduction_that_is_computed(call: str, how: str) -> None:
    source = ported(call)
    compare(
        lambda x, y: run_torch(call, x=x, y=y, how=how),
        lambda x, y: run_jax(source, x=x, y=y, how=how),
        normal((3, 4), 0), normal((3, 4), 1), differentiated=2,
    )  # fmt: skip
