"""Recurrent layers, and the layers of einops: values, gradients and initial values are torch's."""

from __future__ import annotations

from typing import Any

import einops.layers.torch
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from against_torch import agree, check_signature, compare, copy_weights, variables
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxport.parts.nn import einops_layers, recurrent

few = settings(max_examples=6, deadline=None, derandomize=True)
SEEDS = st.integers(0, 999)


def normal(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def pair(name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """A layer of torch and a part with its values."""
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    ours = getattr(recurrent, name)(*args, **kwargs, rngs=nnx.Rngs(0))
    assert variables(ours) == len(list(theirs.parameters()))
    copy_weights(theirs, ours)
    return theirs, ours


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@settings(few, max_examples=4)
@given(
    seed=SEEDS, num_layers=st.sampled_from([1, 2]), bias=st.booleans(),
    bidirectional=st.booleans(), batched=st.booleans(),
    nonlinearity=st.sampled_from(["tanh", "relu"]),
)  # fmt: skip
def test_layer(
    name: str, seed: int, num_layers: int, bias: bool, bidirectional: bool, batched: bool,
    nonlinearity: str,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    more = {"nonlinearity": nonlinearity} if name == "RNN" else {}
    # As many sequences as steps: what is compiled serves with and without `batch_first`.
    x = normal((5, 5, 3) if batched else (5, 3), seed)
    shape = (num_layers * (1 + bidirectional), *[5] * batched, 4)
    states = [normal(shape, seed + i) for i in range(1 + (name == "LSTM"))]

    def run(layer: Any) -> Any:
        def call(x: Any, *states: Any) -> Any:
            return layer(x, *((states,) if name == "LSTM" else states)) if states else layer(x)

        return call

    for batch_first in (False, True):
        theirs, ours = pair(
            name, 3, 4, num_layers, bias=bias, batch_first=batch_first,
            bidirectional=bidirectional, **more,
        )  # fmt: skip
        compare(run(theirs), run(ours), x, *states, differentiated=1 + len(states))
        compare(run(theirs), run(ours), x, differentiated=1)


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
@few
@given(
    seed=SEEDS, bias=st.booleans(), batched=st.booleans(), stated=st.booleans(),
    nonlinearity=st.sampled_from(["tanh", "relu"]),
)  # fmt: skip
def test_cell(
    name: str, seed: int, bias: bool, batched: bool, stated: bool, nonlinearity: str
) -> None:
    torch.manual_seed(seed)
    more = {"nonlinearity": nonlinearity} if name == "RNNCell" else {}
    theirs, ours = pair(name, 3, 4, bias, **more)
    batch = (2,) if batched else ()
    states = [normal((*batch, 4), seed + i) for i in range(1 + (name == "LSTMCell"))] * stated

    def run(layer: Any) -> Any:
        def call(x: Any, *states: Any) -> Any:
            return layer(x, *((states,) if name == "LSTMCell" else states)) if states else layer(x)

        return call

    compare(
        run(theirs), run(ours), normal((*batch, 3), seed), *states, differentiated=1 + len(states)
    )


def test_weights_learn() -> None:
    theirs, ours = pair("LSTM", 3, 4, 2, bidirectional=True)
    x = normal((5, 2, 3), 0)
    theirs(torch.tensor(x))[0].square().sum().backward()
    gradients = nnx.jit(nnx.grad(lambda module: jnp.square(module(x)[0]).sum()))(ours)
    for name, parameter in theirs.named_parameters():
        agree(gradients[name][...], parameter.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["LSTM", "GRUCell"])
def test_start(name: str) -> None:
    ours = getattr(recurrent, name)(50, 25, rngs=nnx.Rngs(0))
    bound = 25**-0.5
    for value in jax.tree.leaves(nnx.state(ours, nnx.Param)):
        assert 0.8 * bound < abs(value).max() <= bound
        np.testing.assert_allclose(value.std(), bound / 3**0.5, rtol=0.2)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_dropout_between_layers(name: str) -> None:
    module = getattr(recurrent, name)(3, 4, 2, dropout=0.5, rngs=nnx.Rngs(0))
    single = getattr(recurrent, name)(3, 4, 1, dropout=0.5, rngs=nnx.Rngs(0))
    x = jnp.asarray(normal((5, 5, 3), 0))
    first, second = module(x)[0], module(x)[0]
    assert (first != second).any()
    # The layer in front of it and the output of the last one are not dropped.
    assert (single(x)[0] == single(x)[0]).all() and (first != 0).all()
    module.eval()
    assert (module(x)[0] == module(x)[0]).all()


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_signature_of_cells(name: str) -> None:
    check_signature(getattr(recurrent, name), getattr(torch.nn, name))


@pytest.mark.parametrize("name", ["RNN", "RNNCell"])
def test_unknown_nonlinearity(name: str) -> None:
    with pytest.raises(ValueError, match="nonlinearity"):
        getattr(recurrent, name)(3, 4, nonlinearity="gelu", rngs=nnx.Rngs(0))


@pytest.mark.parametrize(
    ("name", "arguments", "axes"),
    [
        ("Rearrange", ("b c (h p) (w q) -> b (h w) (p q c)",), {"p": 2, "q": 3}),
        ("Rearrange", ("b c h w -> b (c h w)",), {}),
        ("Rearrange", ("b (g c) h w -> (b g) c h w",), {"g": 2}),
        ("Reduce", ("b c h w -> b c", "mean"), {}),
        ("Reduce", ("b c (h p) (w q) -> b c h w", "max"), {"p": 2, "q": 2}),
        ("Reduce", ("b c h w -> b 1 h w", "sum"), {}),
        ("Reduce", ("b c h w -> c", "min"), {}),
        ("Reduce", ("b c h w -> b c h", "prod"), {}),
    ],
)
def test_einops(name: str, arguments: tuple[str, ...], axes: dict[str, int]) -> None:
    theirs = getattr(einops.layers.torch, name)(*arguments, **axes)
    ours = getattr(einops_layers, name)(*arguments, **axes)
    x = normal((2, 4, 4, 6), 0)
    compare(theirs, ours, x, differentiated=1)
    compare(theirs, ours, x.round(), differentiated=1)
    compare(theirs, nnx.jit(ours), x)
    compare(torch.nn.Sequential(theirs), nnx.Sequential(ours), x)
