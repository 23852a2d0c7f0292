"""Attention and transformers: values, gradients, masks and initial values are torch's."""

from __future__ import annotations

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
    variables,
)
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxport.parts.functional.attention import scaled_dot_product_attention
from jaxport.parts.nn.attention import MultiheadAttention
from jaxport.parts.nn.norm import LayerNorm
from jaxport.parts.nn.transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)

few = settings(max_examples=8, deadline=None, derandomize=True)
Array = np.ndarray[Any, Any]
SEEDS = st.integers(0, 999)


def normal(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


# Functions


def attend(call: str, *arrays: Any, differentiated: int = 3) -> None:
    """`call` reads q, k, v and m."""
    source = ported(call)
    names = ("q", "k", "v", "m")
    compare(
        lambda *xs: run_torch(call, **dict(zip(names, xs, strict=False))),
        lambda *xs: run_jax(source, **dict(zip(names, xs, strict=False))),
        *arrays, differentiated=differentiated, rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@few
@given(
    seed=SEEDS, batch=st.sampled_from([(), (2,), (2, 4)]), causal=st.booleans(),
    mask=st.sampled_from(["none", "bool", "float", "-inf"]),
    scale=st.sampled_from(["", "scale=None", "scale=0.3"]), grouped=st.booleans(),
)  # fmt: skip
def test_scaled_dot_product_attention(
    seed: int, batch: tuple[int, ...], causal: bool, mask: str, scale: str, grouped: bool
) -> None:
    grouped = grouped and len(batch) == 2
    heads = (2, 2) if grouped else batch
    arrays = [normal((*batch, 3, 4), seed), normal((*heads, 5, 4), seed + 1)]
    arrays.append(normal((*heads, 5, 6), seed + 2))
    more = [scale] if scale else []
    allowed = np.random.default_rng(seed).random((3, 5)) < 0.6
    allowed[1] = False
    masks = {
        "bool": allowed, "float": normal((*batch[:1], *[1] * len(batch[1:]), 3, 5), seed),
        "-inf": np.where(allowed, 0, -np.inf).astype(np.float32),
    }  # fmt: skip
    if mask != "none":
        arrays.append(masks[mask])
        more.append("attn_mask=m")
    elif causal:
        more.append("is_causal=True")
    if grouped:
        more.append("enable_gqa=True")
    attend(f"F.scaled_dot_product_attention({', '.join(['q', 'k', 'v', *more])})", *arrays)


CALLS = (
    "F.scaled_dot_product_attention(q, k, v)",
    "F.scaled_dot_product_attention(q, k, v, None, 0.0, True)",
    "F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0, is_causal=False)",
)
WITH_DROPOUT = (
    "F.scaled_dot_product_attention(q, k, v, dropout_p=0.5)",
    "F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)",
)
MASKS = ("torch.nn.Transformer.generate_square_subsequent_mask(4)",)


@pytest.mark.parametrize("call", CALLS)
def test_call(call: str) -> None:
    attend(call, normal((2, 2, 3, 4), 0), normal((2, 2, 5, 4), 1), normal((2, 2, 5, 4), 2))


@pytest.mark.parametrize("call", MASKS)
def test_mask(call: str) -> None:
    agree(run_jax(ported(call)), run_torch(call))


def test_every_form_is_run() -> None:
    assert unused("attention", CALLS + WITH_DROPOUT + MASKS) == []


def test_attention_dropout() -> None:
    q, k, v = (jnp.asarray(normal((400, 1, 3, 4), i)) for i in range(3))
    key = jax.random.key(0)
    plain = scaled_dot_product_attention(q, k, v)
    # Values that are the identity show the weights.
    eye = jnp.broadcast_to(jnp.eye(3), (400, 1, 3, 3))
    weights = scaled_dot_product_attention(q, k, eye)
    dropped = run_jax(ported(WITH_DROPOUT[0]), q=q, k=k, v=eye, key=key)
    kept = dropped != 0
    np.testing.assert_allclose(kept.mean(), 0.5, atol=0.03)
    np.testing.assert_allclose(dropped, jnp.where(kept, weights * 2, 0), rtol=1e-5)
    same = run_jax(ported(WITH_DROPOUT[1]).replace("is_causal=True", "is_causal=False"),
                   q=q, k=k, v=v, key=key, rate=0.0)  # fmt: skip
    np.testing.assert_allclose(same, plain)


def test_what_attention_refuses() -> None:
    x = jnp.ones((1, 2, 2))
    with pytest.raises(ValueError, match="exclude each other"):
        scaled_dot_product_attention(x, x, x, jnp.ones((2, 2), bool), is_causal=True)
    with pytest.raises(ValueError, match="dropout_key"):
        scaled_dot_product_attention(x, x, x, dropout_p=0.5)


# Layers


def pair(original: type, part: type, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """A layer of torch and a part with its values, both without dropout."""
    theirs = original(*args, **kwargs)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    ours = part(*args, **kwargs, rngs=nnx.Rngs(0))
    assert variables(ours) == len(list(theirs.parameters()))
    copy_weights(theirs, ours)
    return theirs, ours


@settings(few, max_examples=8)
@given(
    seed=SEEDS, batch_first=st.booleans(), batched=st.booleans(), bias=st.booleans(),
    sizes=st.sampled_from([{}, {"kdim": 3}, {"kdim": 3, "vdim": 5}]),
    mask=st.sampled_from(["none", "bool", "float", "each"]),
    padding=st.sampled_from(["none", "bool", "float"]),
    need_weights=st.booleans(), average=st.booleans(),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_multihead_attention(
    seed: int, batch_first: bool, batched: bool, bias: bool, sizes: dict[str, int], mask: str,
    padding: str, need_weights: bool, average: bool,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    theirs, ours = pair(
        torch.nn.MultiheadAttention, MultiheadAttention, 4, 2, bias=bias, batch_first=batch_first,
        **sizes,
    )  # fmt: skip
    count = 2 if batched else 1
    arrays = []
    for length, size in [(3, 4), (5, sizes.get("kdim", 4)), (5, sizes.get("vdim", 4))]:
        x = normal((count, length, size), seed + size)
        arrays.append(x if batched and batch_first else x.swapaxes(0, 1) if batched else x[0])
    hidden = random.random((2 * count, 3, 5)) < 0.3
    hidden[..., 0] = False
    masks = {
        "none": None, "bool": hidden[0], "each": hidden,
        "float": np.where(hidden[0], -np.inf, normal((3, 5), seed)).astype(np.float32),
    }  # fmt: skip
    padded = np.tile(np.arange(5) > 3, (count, 1)) if batched else np.arange(5) > 3
    pads = {"none": None, "bool": padded, "float": np.where(padded, -np.inf, 0).astype(np.float32)}
    arguments = {"need_weights": need_weights, "average_attn_weights": average}

    def run(layer: Any) -> Any:
        def call(q: Any, k: Any, v: Any, attn_mask: Any, key_padding_mask: Any) -> Any:
            output, weights = layer(
                q, k, v, attn_mask=attn_mask, key_padding_mask=key_padding_mask, **arguments
            )
            assert (weights is None) is not need_weights
            return (output, weights) if need_weights else output

        return call

    compare(
        run(theirs), run(ours), *arrays, masks[mask], pads[padding], differentiated=3, rtol=1e-4,
        atol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_query_that_may_look_at_nothing(need_weights: bool) -> None:
    theirs, ours = pair(torch.nn.MultiheadAttention, MultiheadAttention, 4, 2)
    x, hidden = normal((3, 1, 4), 0), np.array([[1, 1, 1], [0, 1, 1], [0, 0, 0]], bool)

    def run(layer: Any) -> Any:
        return lambda x, m: layer(x, x, x, need_weights=need_weights, attn_mask=m)[0]

    compare(run(theirs), run(ours), x, hidden, differentiated=0 if need_weights else 1)


def test_multihead_attention_starts_as_torch_does() -> None:
    other: dict[str, Any] = {"kdim": 50, "vdim": 50}
    for sizes in ({}, other):
        theirs = torch.nn.MultiheadAttention(100, 4, **sizes)
        ours = MultiheadAttention(100, 4, **sizes, rngs=nnx.Rngs(0))
        for name, value in theirs.named_parameters(recurse=False):
            found = getattr(ours, name)[...]
            assert found.shape == tuple(value.shape)
            np.testing.assert_allclose(found.std(), value.std().item(), rtol=0.05)
            np.testing.assert_allclose(abs(found).max(), value.abs().max().item(), rtol=0.02)
        agree(ours.out_proj.bias[...], theirs.out_proj.bias)


def test_multihead_attention_drops_weights() -> None:
    module = MultiheadAttention(4, 1, dropout=0.5, batch_first=True, rngs=nnx.Rngs(0))
    x = jnp.asarray(normal((300, 3, 4), 0))
    _, dropped = module(x, x, x)
    module.eval()
    _, weights = module(x, x, x)
    assert dropped is not None and weights is not None
    kept = dropped != 0
    np.testing.assert_allclose(kept.mean(), 0.5, atol=0.03)
    np.testing.assert_allclose(dropped, jnp.where(kept, weights * 2, 0), rtol=1e-5)


def test_what_multihead_attention_refuses() -> None:
    with pytest.raises(ValueError, match="heads"):
        MultiheadAttention(5, 2, rngs=nnx.Rngs(0))
    x = jnp.ones((2, 1, 4))
    with pytest.raises(ValueError, match="attn_mask"):
        MultiheadAttention(4, 2, rngs=nnx.Rngs(0))(x, x, x, is_causal=True)


PARTS = (
    MultiheadAttention, Transformer, TransformerDecoder, TransformerDecoderLayer,
    TransformerEncoder, TransformerEncoderLayer,
)  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_signature(part: type) -> None:
    check_signature(part, getattr(torch.nn, part.__name__), "activation")


OPTIONS = {
    "activation": st.sampled_from(["relu", "gelu"]), "batch_first": st.booleans(),
    "norm_first": st.booleans(), "bias": st.booleans(),
}  # fmt: skip
CAUSAL = np.triu(np.full((3, 3), -np.inf, np.float32), 1)
PADDED = np.array([[False, False, True], [False, True, True], [False, False, False]])


@settings(few, max_examples=4)
@given(
    seed=SEEDS, options=st.fixed_dictionaries(OPTIONS), masked=st.booleans(),
    padded=st.booleans(),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_layers(seed: int, options: dict[str, Any], masked: bool, padded: bool) -> None:
    torch.manual_seed(seed)
    mask, padding = CAUSAL if masked else None, PADDED if padded else None
    # As many sequences as places, so that fewer shapes have to be compiled.
    x, memory = normal((3, 3, 4), seed), normal((3, 3, 4), seed + 1)
    arguments: dict[str, Any] = {"dim_feedforward": 6, "dropout": 0.0, **options}
    theirs, ours = pair(
        torch.nn.TransformerEncoderLayer, TransformerEncoderLayer, 4, 2, **arguments
    )
    compare(theirs, ours, x, mask, padding, differentiated=1, rtol=1e-4, atol=1e-5)
    theirs, ours = pair(
        torch.nn.TransformerDecoderLayer, TransformerDecoderLayer, 4, 2, **arguments
    )
    compare(theirs, ours, x, memory, mask, None, padding, differentiated=2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("nested", "padding", "batch_first"),
    [
        (True, PADDED, True),
        (False, PADDED, True),
        (True, PADDED, False),
        (True, PADDED[:, ::-1].copy(), True),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_encoder_in_evaluation(nested: bool, padding: Array, batch_first: bool) -> None:
    torch.manual_seed(0)
    options: dict[str, Any] = {"dim_feedforward": 6, "batch_first": batch_first, "dropout": 0.3}
    layer = torch.nn.TransformerEncoderLayer(4, 2, **options)
    part = TransformerEncoderLayer(4, 2, **options, rngs=nnx.Rngs(0))
    theirs = torch.nn.TransformerEncoder(layer, 2, torch.nn.LayerNorm(4), nested)
    ours = TransformerEncoder(part, 2, LayerNorm(4), nested, rngs=nnx.Rngs(1))
    torch.nn.init.normal_(theirs.norm.bias)
    copy_weights(theirs, ours)
    theirs.eval()
    ours.eval()
    x = normal((3, 3, 4), 1)
    with torch.no_grad():
        compare(theirs, ours, x, None, padding, rtol=1e-4, atol=1e-5)
        # With causal attention the first query must not find its only key padded.
        compare(theirs, ours, x, CAUSAL, PADDED, rtol=1e-4, atol=1e-5)
        compare(theirs, ours, x, CAUSAL, rtol=1e-4, atol=1e-5)
        compare(theirs, ours, x, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_stacks() -> None:
    torch.manual_seed(0)
    layer = torch.nn.TransformerDecoderLayer(4, 2, 6, 0.0)
    part = TransformerDecoderLayer(4, 2, 6, 0.0, rngs=nnx.Rngs(0))
    theirs = torch.nn.TransformerDecoder(layer, 2, torch.nn.LayerNorm(4))
    ours = TransformerDecoder(part, 2, LayerNorm(4), rngs=nnx.Rngs(1))
    copy_weights(theirs, ours)
    x, memory = normal((3, 3, 4), 0), normal((3, 3, 4), 1)
    compare(theirs, ours, x, memory, CAUSAL, differentiated=2, rtol=1e-4, atol=1e-5)

    arguments: dict[str, Any] = {"num_encoder_layers": 2, "num_decoder_layers": 1}
    arguments |= {"dim_feedforward": 6, "dropout": 0.0}
    theirs, ours = pair(torch.nn.Transformer, Transformer, 4, 2, **arguments)
    compare(
        theirs, ours, memory, x, None, CAUSAL, None, None, PADDED, differentiated=2, rtol=1e-4,
        atol=1e-5,
    )  # fmt: skip
    agree(ours.generate_square_subsequent_mask(3), theirs.generate_square_subsequent_mask(3))


def test_copies_share_values_but_not_random_numbers() -> None:
    part = TransformerEncoderLayer(4, 2, 6, 0.5, rngs=nnx.Rngs(0))
    stack = TransformerEncoder(part, 2, rngs=nnx.Rngs(1))
    first, second = stack.layers
    states = [nnx.state(layer, nnx.Param) for layer in (part, first, second)]
    for other in states[1:]:
        jax.tree.map(np.testing.assert_array_equal, states[0], other)
    first.linear1.kernel[...] += 1
    assert (first.linear1.kernel[...] != second.linear1.kernel[...]).all()
    x = jnp.ones((300,))
    masks = [module(x) for layer in (part, first, second)
             for module in (layer.dropout, layer.dropout1, layer.dropout2)]  # fmt: skip
    for i, one in enumerate(masks):
        assert all((one != other).any() for other in masks[:i])


@pytest.mark.filterwarnings("ignore")
def test_transformer_starts_as_torch_does() -> None:
    arguments = (100, 2, 1, 1, 50)
    theirs = dict(torch.nn.Transformer(*arguments).named_parameters())
    ours = Transformer(*arguments, rngs=nnx.Rngs(0))
    for name, parameter in (("encoder", "linear1"), ("decoder", "linear2")):
        found = getattr(getattr(ours, name).layers[0], parameter).kernel[...]
        value = theirs[f"{name}.layers.0.{parameter}.weight"]
        np.testing.assert_allclose(found.std(), value.std().item(), rtol=0.06)
        np.testing.assert_allclose(abs(found).max(), value.abs().max().item(), rtol=0.02)
    attention = ours.decoder.layers[0].multihead_attn
    value = theirs["decoder.layers.0.multihead_attn.in_proj_weight"]
    np.testing.assert_allclose(attention.in_proj_weight.std(), value.std().item(), rtol=0.06)


@pytest.mark.parametrize("part", [TransformerEncoderLayer, TransformerDecoderLayer])
def test_unknown_activation(part: Any) -> None:
    with pytest.raises(ValueError, match="activation"):
        part(4, 2, activation="tanh", rngs=nnx.Rngs(0))
