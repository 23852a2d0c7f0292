"""Activation and dropout: layers and functions give torch's values, slopes and distributions."""

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
    copy_weights,
    ported,
    run_jax,
    run_torch,
    unused,
)
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxport.parts.functional import dropout as dropouts
from jaxport.parts.functional.activation import gumbel_softmax
from jaxport.parts.nn import activation
from jaxport.parts.nn import dropout as dropout_layers

few = settings(max_examples=8, deadline=None, derandomize=True)
LAYERS: dict[str, Any] = {
    name: value for name, value in vars(activation).items()
    if inspect.isclass(value) and value.__module__ == activation.__name__
}  # fmt: skip
AXES = st.sampled_from([-1, 0, 1])
SIZES = st.floats(0.125, 3, width=16)
ARGUMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "LeakyReLU": {"negative_slope": st.sampled_from([0.0, 0.01, 0.2, 1.0])},
    "PReLU": {"num_parameters": st.sampled_from([1, 4]), "init": SIZES},
    "ELU": {"alpha": SIZES},
    "CELU": {"alpha": SIZES},
    "GELU": {"approximate": st.sampled_from(["none", "tanh"])},
    "GLU": {"dim": AXES},
    "Softplus": {"beta": SIZES, "threshold": st.sampled_from([20.0, 1.0, 0.0])},
    "Hardtanh": {"min_val": st.sampled_from([-1.0, -2.0]), "max_val": st.sampled_from([1.0, 0.0])},
    "Threshold": {"threshold": st.sampled_from([0.0, 1.0]), "value": SIZES},
    "Softmax": {"dim": AXES}, "Softmin": {"dim": AXES}, "LogSoftmax": {"dim": AXES},
}  # fmt: skip
CALLS = (
    "torch.relu(x)", "torch.relu_(x + 0)", "x.relu()", "(x + 0).relu_()", "F.relu(x)",
    "F.relu(x, inplace=False)", "F.relu_(x + 0)", "F.relu6(x)", "F.leaky_relu(x)",
    "F.leaky_relu(x, 0.2)", "F.leaky_relu(x, negative_slope=0.0)", "F.leaky_relu_(x + 0, 0.3)",
    "F.prelu(x, slope)", "torch.prelu(x, slope)", "x.prelu(slope)", "F.prelu(x, slopes)",
    "F.elu(x)", "F.elu(x, 0.5)", "F.elu_(x + 0)", "F.celu(x)", "F.celu(x, alpha=1.5)",
    "torch.celu(x, 0.5)", "F.selu(x)", "torch.selu(x)", "F.gelu(x)",
    "F.gelu(x, approximate='none')", "F.gelu(x, approximate='tanh')", "F.gelu(x, approximate=how)",
    "F.silu(x)", "F.silu(x + 0, True)", "F.mish(x)", "F.hardswish(x)", "F.glu(x)", "F.glu(x, 1)",
    "F.glu(x, dim=0)", "F.softplus(x)", "F.softplus(x, 1, 20)", "F.softplus(x, beta=2)",
    "F.softplus(x, threshold=1.0)", "F.softplus(x, 0.5, 2)", "F.softsign(x)", "torch.sigmoid(x)",
    "torch.sigmoid_(x + 0)", "torch.special.expit(x)", "x.sigmoid()", "F.sigmoid(x)",
    "F.logsigmoid(x)", "F.hardsigmoid(x)", "torch.tanh(x)", "x.tanh()", "(x + 0).tanh_()",
    "F.tanh(x)", "F.hardtanh(x)", "F.hardtanh(x, -2.0, 3.0)", "F.hardtanh(x, max_val=0.0)",
    "F.hardtanh_(x + 0, 0.0)", "F.threshold(x, 1.0, -3.0)", "torch.threshold(x, 0.0, 5.0)",
    "torch.softmax(x, 1)", "torch.softmax(x, dim=-1)", "x.softmax(0)", "x.softmax(dim=-2)",
    "torch.softmax(x, -1, torch.float16)", "x.softmax(-1, dtype=torch.float16)",
    "torch.special.softmax(x, 1)", "F.softmax(x, 2)", "F.softmax(x, dim=-1)",
    "F.softmax(x, dim=-1, dtype=torch.float32)", "F.softmax(half, 1, dtype=torch.float32)",
    "torch.log_softmax(x, 1)", "x.log_softmax(dim=-1)", "half.log_softmax(-1, torch.float32)",
    "torch.special.log_softmax(x, 1)", "F.log_softmax(x, dim=0)",
    "F.log_softmax(half, dim=0, dtype=torch.float32)", "F.softmin(x, 1)",
    "F.dropout(x, 0.3, training=False)", "F.dropout1d(x, training=False)",
    "F.dropout2d(x, training=False)", "F.dropout3d(x, 0.2, training=False)",
    "F.dropout(x, 0.3, training=off)", "F.dropout(x, training=off)", "F.dropout(x, 0.0)",
    "F.dropout(x, 1.0)", "F.dropout1d(x, 1.0, True)", "F.dropout2d(x, 0.5, off)",
    "F.dropout3d(x, p=0.0)", "F.alpha_dropout(x, 0.5)", "F.alpha_dropout(x, 1.0, True)",
    "F.alpha_dropout(x, 0.0, True)", "torch.dropout(x, 0.5, False)", "torch.dropout(x, 1.0, True)",
    "torch.alpha_dropout(x, 0.5, off)",
)  # fmt: skip
RANDOM = ("F.gumbel_softmax(x)", "F.gumbel_softmax(x, 0.5, hard=True)", "F.dropout(x)")
NAMES = {"how": "tanh", "off": False}


def values(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    """Numbers around 0, half of them whole, so that kinks are met."""
    x = np.random.default_rng(seed).normal(0, 4, shape).astype(np.float32)
    return np.where(x > 0, x, x.round())


@pytest.mark.parametrize("name", ARGUMENTS)
@few
@given(data=st.data(), seed=st.integers(0, 99))
def test_layer_with_arguments(name: str, data: st.DataObject, seed: int) -> None:
    arguments = {key: data.draw(value) for key, value in ARGUMENTS[name].items()}
    theirs = getattr(torch.nn, name)(**arguments)
    ours = LAYERS[name](**arguments)
    copy_weights(theirs, ours)
    compare(theirs, ours, values((2, 4, 6), seed), differentiated=1, atol=2e-5)


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - set(ARGUMENTS)))
def test_layer(name: str) -> None:
    theirs, ours = getattr(torch.nn, name)(), LAYERS[name]()
    for seed in range(3):
        compare(theirs, ours, values((2, 4, 6), seed), differentiated=1, atol=2e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_signature(name: str) -> None:
    free = {"Softmax": ("dim",), "Softmin": ("dim",), "LogSoftmax": ("dim",)}
    if name not in ("Sigmoid", "Tanh", "Softsign", "LogSigmoid", "Softmax2d"):
        check_signature(LAYERS[name], getattr(torch.nn, name), *free.get(name, ()))


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"GELU", "GLU"} - set(ARGUMENTS)))
def test_not_finite(name: str) -> None:
    x = np.array([np.inf, -np.inf, np.nan], np.float32).repeat(16).reshape(2, 4, 6)
    compare(getattr(torch.nn, name)(), LAYERS[name](), x)


def test_prelu_learns() -> None:
    theirs, ours = torch.nn.PReLU(4, 0.3), activation.PReLU(4, 0.3)
    x = values((2, 4, 3), 0)
    theirs(torch.tensor(x)).square().sum().backward()
    gradients = nnx.grad(lambda module: jnp.square(module(x)).sum())(ours)
    agree(gradients["weight"][...], theirs.weight.grad)
    compare(torch.nn.PReLU(), activation.PReLU(), values((), 1), differentiated=1)
    compare(torch.nn.PReLU(), activation.PReLU(), values((3,), 1), differentiated=1)


def test_unknown_approximation() -> None:
    with pytest.raises(ValueError, match="approximate"):
        LAYERS["GELU"]("erf")


@pytest.mark.parametrize("call", CALLS)
def test_call(call: str) -> None:
    x = values((2, 4, 6), 3)
    others = {"slope": np.array([0.3], np.float32), "slopes": np.full(4, 0.2, np.float32)}
    others["half"] = x.astype(np.float16)
    source = ported(call)

    def theirs(x: torch.Tensor) -> Any:
        return run_torch(call, x=x, **{k: torch.tensor(v) for k, v in others.items()}, **NAMES)

    def ours(x: jax.Array) -> Any:
        return run_jax(source, x=x, key=jax.random.key(0), **others, **NAMES)

    loose = "float16" in call
    differentiated = 0 if "half" in call or loose or "inplace" in call else 1
    tolerance = 1e-3 if loose else 2e-5
    compare(theirs, ours, x, differentiated=differentiated, rtol=tolerance, atol=tolerance)


def test_every_form_is_run() -> None:
    assert unused("activations", CALLS + RANDOM) == []


# Random numbers


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax(hard: bool) -> None:
    logits = jnp.log(jnp.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]))
    many = jnp.broadcast_to(logits[:, :, None], (2, 3, 20_000))
    sample = gumbel_softmax(many, jax.random.key(0), tau=0.7, hard=hard, dim=1)
    np.testing.assert_allclose(sample.sum(1), 1, rtol=1e-5)
    if hard:
        assert set(np.unique(sample.round(5))) == {0, 1}
    first = jax.nn.one_hot(sample.argmax(1), 3).mean(1)
    np.testing.assert_allclose(first, jnp.exp(logits), atol=0.015)
    torch.manual_seed(0)
    theirs = torch.nn.functional.gumbel_softmax(torch.tensor(np.array(many)), 0.7, hard, dim=1)
    np.testing.assert_allclose(sample.mean(2), theirs.mean(2), atol=0.015)
    np.testing.assert_allclose(sample.var(2), theirs.var(2), atol=0.015)


def test_gumbel_softmax_gradient_is_that_of_the_soft_sample() -> None:
    x, key = jnp.arange(4.0), jax.random.key(3)

    def loss(x: jax.Array, hard: bool) -> jax.Array:
        return (gumbel_softmax(x, key, 0.5, hard) * jnp.array([1.0, -2, 3, 0.5])).sum()

    np.testing.assert_allclose(jax.grad(loss)(x, True), jax.grad(loss)(x, False), rtol=1e-6)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_function(p: float) -> None:
    x = jax.random.normal(jax.random.key(1), (200, 100))

    def dropped(x: jax.Array) -> jax.Array:
        return run_jax(ported(f"F.dropout(x, {p})"), x=x, key=jax.random.key(0))

    y = dropped(x)
    kept = y != 0
    np.testing.assert_allclose(kept.mean(), 1 - p, atol=0.015)
    np.testing.assert_allclose(y, jnp.where(kept, x / (1 - p), 0), rtol=1e-6)
    slopes = jax.grad(lambda x: dropped(x).sum())(x)
    np.testing.assert_allclose(slopes, jnp.where(kept, 1 / (1 - p), 0), rtol=1e-6)


def pattern(y: Any) -> tuple[bool, ...]:
    """Along which axes values are dropped together."""
    kept = np.asarray(y) != 0
    return tuple(bool((kept == kept.take([0], axis)).all()) for axis in range(kept.ndim))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dropout1d", (9, 8)), ("dropout1d", (7, 9, 8)), ("dropout2d", (7, 9)),
        ("dropout2d", (7, 9, 8)), ("dropout2d", (7, 9, 8, 6)),
        ("dropout3d", (9, 8, 6, 2)), ("dropout3d", (7, 9, 3, 2, 2)), ("dropout3d", (9, 8, 6)),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_channels_go_together(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    theirs = getattr(torch.nn.functional, name)(torch.ones(shape), 0.4)
    key = jax.random.key(2)
    ours = getattr(dropouts, name)(jnp.ones(shape), 0.4, training=True, key=key)
    assert pattern(ours) == pattern(theirs)
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
    layer = getattr(dropout_layers, name.capitalize())(0.4, rngs=nnx.Rngs(3))
    assert pattern(layer(jnp.ones(shape))) == pattern(theirs)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout(p: float) -> None:
    theirs = torch.nn.functional.alpha_dropout(torch.full((200,), 0.5), p, True)
    ours = dropouts.alpha_dropout(jnp.full((200,), 0.5), p, training=True, key=jax.random.key(0))
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-5)
    x = jax.random.normal(jax.random.key(1), (300, 300))
    y = dropouts.alpha_dropout(x, p, training=True, key=jax.random.key(0))
    np.testing.assert_allclose([y.mean(), y.var()], [0, 1], atol=0.02)


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"])
def test_dropout_layer(name: str) -> None:
    layer = getattr(dropout_layers, name)
    check_signature(layer, getattr(torch.nn, name))
    module = layer(0.25, rngs=nnx.Rngs(0))
    assert module.p == 0.25 and layer(rngs=nnx.Rngs(0)).p == 0.5
    x = jax.random.normal(jax.random.key(1), (4, 50, 3))
    first, second = module(x), module(x)
    assert (first != second).any()
    assert (layer(0.25, rngs=nnx.Rngs(0))(x) == first).all()
    module.eval()
    assert module(x) is x
    module.train()
    assert (module(x) != x).any()
    assert (layer(0.0, rngs=nnx.Rngs(0))(x) == x).all()
    assert (layer(1.0, rngs=nnx.Rngs(0))(x) == 0).all()
