"""Layers compute what torch's compute, with the same weights, and start as torch's start."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections import OrderedDict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxport.tables.weights.layers import WEIGHTS

torch.set_num_threads(1)

TOPICS = (
    "linear", "conv", "conv_transpose", "pool", "norm", "embedding", "shape", "containers",
    "upsample", "padding",
)  # fmt: skip
PARTS: dict[str, Any] = {
    name: value
    for topic in TOPICS
    for name, value in vars(importlib.import_module(f"jaxport.parts.nn.{topic}")).items()
    if inspect.isclass(value) and issubclass(value, nnx.Module) and not name.startswith("_")
}

few = settings(max_examples=8, deadline=None, derandomize=True, database=None)


# What is compiled here runs once.
jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def array(value: torch.Tensor) -> jax.Array:
    return jnp.asarray(value.detach().numpy())


def random(*shape: int) -> torch.Tensor:
    """Normal values that are the same for the same shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def with_ties(*shape: int) -> torch.Tensor:
    """Whole numbers so small that many are equal."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(-2, 3, shape, generator=generator).float()


def agree(ours: jax.Array, theirs: torch.Tensor, tolerance: float = 2e-5) -> None:
    assert ours.shape == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.").replace("int64", "int32")
    expected = theirs.detach().numpy()
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=10 * tolerance, atol=tolerance)


def of_torch(part: nnx.Module, name: str) -> tuple[nnx.Variable[Any], str]:
    """The variable of a part for an entry of torch's state_dict, and how its value is made."""
    path, expression = WEIGHTS.get(type(part).__name__, {}).get(name, (name, "w"))
    return getattr(part, path), expression


def make(name: str, *args: Any, **kwargs: Any) -> Any:
    """A part, with `rngs` if it needs them."""
    if "rngs" in inspect.signature(PARTS[name].__init__).parameters:
        # The default generator takes a second to compile for each shape.
        kwargs["rngs"] = nnx.Rngs(jax.random.key(0, impl="unsafe_rbg"))
    return PARTS[name](*args, **kwargs)


def layers(name: str, *args: Any, **kwargs: Any) -> tuple[torch.nn.Module, Any]:
    """A layer of torch with random weights, and our part with the same ones."""
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    ours = make(name, *args, **kwargs)
    filled = set()
    for key, value in theirs.state_dict().items():
        if value.is_floating_point():
            value.copy_(random(*value.shape).abs() + 0.5)
        variable, expression = of_torch(ours, key)
        new = jnp.asarray(eval(expression, {"w": value.numpy()}))
        assert variable.shape == new.shape
        variable[...] = new
        filled.add(id(variable))
    assert filled == {id(v) for _, v in nnx.iter_graph(ours) if isinstance(v, nnx.Variable)}
    return theirs, ours


def compare_outputs(name: str, *args: Any, inputs: tuple[torch.Tensor, ...], **kwargs: Any) -> None:
    """The output of a layer is that of torch's."""
    theirs, ours = layers(name, *args, **kwargs)
    assert hash(nnx.graphdef(ours))  # nnx.jit needs it
    agree(jit(lambda *values: ours(*values))(*map(array, inputs)), theirs(*inputs))


def compare(name: str, *args: Any, inputs: tuple[torch.Tensor, ...], **kwargs: Any) -> None:
    """Output and all gradients of a layer are those of torch's, when jitted."""
    theirs, ours = layers(name, *args, **kwargs)
    inputs = tuple(x.clone().requires_grad_(x.is_floating_point()) for x in inputs)
    expected = theirs(*inputs)
    cotangent = random(*expected.shape)
    expected.backward(cotangent)

    graph, params, rest = nnx.split(ours, nnx.Param, ...)
    assert hash(graph)  # nnx.jit needs it
    arrays = [array(x) for x in inputs]
    floats = [i for i, x in enumerate(inputs) if x.is_floating_point()]

    @jit
    def run(params: Any, values: list[jax.Array]) -> tuple[jax.Array, Any]:
        def output(params: Any, values: list[jax.Array]) -> Any:
            places = dict(zip(floats, values, strict=True))
            model = nnx.merge(graph, params, rest, copy=True)
            return model(*[places.get(i, x) for i, x in enumerate(arrays)])

        y, pull_back = jax.vjp(output, params, values)
        return y, pull_back(jnp.asarray(cotangent.numpy()))

    output, (param_grads, input_grads) = run(params, [arrays[i] for i in floats])
    agree(output, expected)
    for i, gradient in zip(floats, input_grads, strict=True):
        agree(gradient, inputs[i].grad)
    nnx.update(ours, param_grads)
    for key, parameter in theirs.named_parameters():
        variable, expression = of_torch(ours, key)
        assert parameter.grad is not None
        expected = torch.tensor(eval(expression, {"w": parameter.grad.numpy()}))
        agree(variable[...], expected, 1e-4)


# Linear maps


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_linear(bias: bool, leading: tuple[int, ...]) -> None:
    compare("Linear", 5, 4, bias=bias, inputs=(random(*leading, 5),))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_bilinear(bias: bool, leading: tuple[int, ...]) -> None:
    compare("Bilinear", 5, 3, 4, bias, inputs=(random(*leading, 5), random(*leading, 3)))


@pytest.mark.parametrize("padding_idx", [None, 0, 3, -1])
def test_embedding(padding_idx: int | None) -> None:
    compare("Embedding", 5, 3, padding_idx, inputs=(torch.tensor([[0, 3, 4], [4, 4, 1]]),))


def test_the_vector_of_padding_starts_as_zeros() -> None:
    table = make("Embedding", 5, 3, padding_idx=-2).embedding[...]
    assert (table == 0).all(axis=1).tolist() == [False, False, False, True, False]


# Convolutions

sizes = st.integers(1, 3)


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int) -> Any:
        one = st.integers(low, high)
        return draw(one | st.tuples(*[one] * rank))

    return {
        "rank": rank,
        "groups": draw(st.sampled_from([1, 2])),
        "kernel_size": each(1, 3),
        "stride": each(1, 3),
        "dilation": each(1, 2),
        "padding": each(0, 2),
        "bias": draw(st.booleans()),
        "batched": draw(st.booleans()),
    }


def images(rank: int, batched: bool, channels: int = 4) -> torch.Tensor:
    return random(*([2] if batched else []), channels, *(7, 8, 6)[:rank])


@few
@given(convolutions())
def test_convolutions(case: dict[str, Any]) -> None:
    rank, batched = case.pop("rank"), case.pop("batched")
    compare_outputs(f"Conv{rank}d", 4, 6, **case, inputs=(images(rank, batched),))


@pytest.mark.parametrize("name", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("batched", [True, False])
def test_gradients_of_convolutions(name: str, rank: int, batched: bool) -> None:
    case: dict[str, Any] = {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}
    compare(f"{name}{rank}d", 4, 6, 3, **case, inputs=(images(rank, batched),))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", ["same", "valid", (2, 1)])
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_padding_of_convolutions(mode: str, padding: Any) -> None:
    kernel: dict[str, Any] = {"kernel_size": (4, 3), "dilation": (1, 2)}
    for batched in (True, False):
        compare_outputs(
            "Conv2d", 4, 2, **kernel, padding=padding, padding_mode=mode,
            inputs=(images(2, batched),),
        )  # fmt: skip


@few
@given(convolutions(), st.data())
def test_transposed_convolutions(case: dict[str, Any], data: st.DataObject) -> None:
    rank, batched = case.pop("rank"), case.pop("batched")
    largest = [
        max(pair)
        for pair in zip(
            *(np.broadcast_to(case[key], rank).tolist() for key in ("stride", "dilation")),
            strict=True,
        )
    ]
    extra = tuple(data.draw(st.integers(0, n - 1)) for n in largest)
    compare_outputs(
        f"ConvTranspose{rank}d", 4, 6, **case, output_padding=extra,
        inputs=(images(rank, batched),),
    )  # fmt: skip


# Pooling


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    rank = draw(st.integers(1, 3))
    kernel = draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    return {
        "rank": rank,
        "batched": draw(st.booleans()),
        "kernel_size": draw(st.sampled_from([kernel, tuple(kernel)])),
        "stride": draw(st.none() | st.integers(1, 3)),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel),
        "ceil_mode": draw(st.booleans()),
    }


@few
@given(pools(), st.integers(1, 2))
def test_max_pooling(case: dict[str, Any], dilation: int) -> None:
    rank, batched = case.pop("rank"), case.pop("batched")
    x = with_ties(*images(rank, batched, channels=2).shape)
    compare(f"MaxPool{rank}d", **case, dilation=dilation, inputs=(x,))


@few
@given(pools(), st.booleans(), st.none() | st.integers(1, 5))
def test_average_pooling(case: dict[str, Any], include: bool, divisor: int | None) -> None:
    rank, batched = case.pop("rank"), case.pop("batched")
    if rank > 1:
        case["divisor_override"] = divisor
    x = images(rank, batched, channels=2)
    compare(f"AvgPool{rank}d", **case, count_include_pad=include, inputs=(x,))


@few
@given(st.data(), st.integers(1, 3), st.booleans(), st.sampled_from(["Avg", "Max"]))
def test_adaptive_pooling(data: st.DataObject, rank: int, batched: bool, kind: str) -> None:
    one = st.integers(1, 9)
    size = data.draw(one | st.tuples(*[one if rank == 1 else st.none() | one] * rank))
    x = with_ties(*images(rank, batched, channels=2).shape)
    compare(f"Adaptive{kind}Pool{rank}d", size, inputs=(x,))


# Normalization


@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        (6, {}),
        ((6,), {"bias": False}),
        (6, {"elementwise_affine": False}),
        ([4, 6], {}),
        ((3, 4, 6), {"bias": False}),
    ],
)
def test_layer_norm(shape: Any, affine: dict[str, bool]) -> None:
    compare("LayerNorm", shape, **affine, inputs=(random(2, 3, 4, 6) * 3 + 5,))


def test_layer_norm_is_exact_far_from_zero() -> None:
    theirs, ours = layers("LayerNorm", 64, eps=1e-12)
    x = random(8, 64) * 0.1 + 1000
    agree(ours(array(x)), theirs(x), 1e-2)


@pytest.mark.parametrize(
    ("shape", "eps", "affine"),
    [(6, None, True), (6, 0.0, False), ([4, 6], 1e-2, True), ((4, 6), None, False)],
)
def test_rms_norm(shape: Any, eps: float | None, affine: bool) -> None:
    compare("RMSNorm", shape, eps, affine, inputs=(random(2, 4, 6),))


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("spatial", [(), (5,), (4, 3), (2, 3, 2)])
def test_group_norm(groups: int, spatial: tuple[int, ...]) -> None:
    # One value a group has no variance, and what remains of it is amplified.
    spatial = spatial or ((7,) if groups == 6 else ())
    compare("GroupNorm", groups, 6, 1e-3, inputs=(random(2, 6, *spatial) + 2,))


@pytest.mark.parametrize("affine", [{"affine": False}, {"bias": False}])
def test_group_norm_without_weights(affine: dict[str, bool]) -> None:
    compare("GroupNorm", 2, 6, **affine, inputs=(random(2, 6, 4),))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("affine", "batched"), [(True, True), (False, False)])
def test_instance_norm(rank: int, affine: bool, batched: bool) -> None:
    compare(f"InstanceNorm{rank}d", 4, affine=affine, inputs=(images(rank, batched),))


@pytest.mark.parametrize(
    ("rank", "shape", "arguments"),
    [
        ("1d", (4, 3), {}),
        ("1d", (4, 3, 5), {}),
        ("2d", (2, 3, 4, 5), {}),
        ("3d", (2, 3, 2, 4, 3), {}),
        ("1d", (4, 3), {"momentum": 0.3, "eps": 1e-2}),
        ("2d", (2, 3, 4, 5), {"momentum": None}),
        ("2d", (2, 3, 4, 5), {"momentum": 0.0}),
        ("2d", (2, 3, 4, 5), {"affine": False}),
        ("2d", (2, 3, 4, 5), {"bias": False}),
        ("1d", (4, 3), {"track_running_stats": False}),
    ],
)
def test_batch_norm_over_training_and_evaluation(
    rank: str, shape: tuple[int, ...], arguments: dict[str, Any]
) -> None:
    theirs, ours = layers(f"BatchNorm{rank}", 3, **arguments)
    step = nnx.jit(lambda layer, x: layer(x))
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        x = torch.randn(shape, generator=generator) * 2 + 3
        agree(step(ours, array(x)), theirs(x))
        for name, buffer in theirs.named_buffers():
            agree(of_torch(ours, name)[0][...], buffer)
    theirs.eval()
    ours.eval()
    agree(step(ours, array(x)), theirs(x))
    for name, buffer in theirs.named_buffers():
        agree(of_torch(ours, name)[0][...], buffer)
    compare(f"BatchNorm{rank}", 3, **arguments, inputs=(x,))


def test_batch_norm_takes_its_mode_with_the_call() -> None:
    theirs, ours = layers("BatchNorm1d", 3)
    x = random(4, 3)
    agree(ours(array(x), use_running_average=True), theirs.eval()(x))
    ours.eval()
    agree(ours(array(x), use_running_average=False), theirs.train()(x))
    agree(ours(array(x)), theirs.eval()(x))


def test_gradients_of_a_training_step_reach_through_the_statistics() -> None:
    theirs, ours = layers("BatchNorm2d", 3)
    x = random(2, 3, 4, 4).requires_grad_()
    weights = random(2, 3, 4, 4)
    (theirs(x) * weights).sum().backward()

    def loss(layer: Any, x: jax.Array) -> Any:
        return (layer(x) * jnp.asarray(weights.numpy())).sum()

    grads, x_grad = nnx.grad(loss, argnums=(nnx.DiffState(0, nnx.Param), 1))(ours, array(x))
    agree(grads["scale"][...], theirs.weight.grad, 1e-4)
    agree(x_grad, x.grad)
    agree(ours.var[...], theirs.running_var)


# Resizing, padding, shapes


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Upsample", {"scale_factor": 2}),
        ("Upsample", {"size": [5, 9]}),
        ("Upsample", {"size": (5, 9), "mode": "bilinear", "align_corners": True}),
        ("Upsample", {"scale_factor": (1.5, 2.5), "mode": "bicubic"}),
        ("Upsample", {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True}),
        ("UpsamplingNearest2d", {"scale_factor": 3}),
        ("UpsamplingBilinear2d", {"size": 11}),
    ],
)
def test_upsampling(name: str, arguments: dict[str, Any]) -> None:
    compare_outputs(name, **arguments, inputs=(images(2, True),))


@pytest.mark.parametrize("kind", ["Zero", "Constant", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_padding(kind: str, rank: int) -> None:
    value = [1.5] if kind == "Constant" else []
    for padding in (2, (1, 2, 0, 3, 2, 1)[: 2 * rank]):
        compare_outputs(f"{kind}Pad{rank}d", padding, *value, inputs=(images(rank, True, 2),))


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Flatten", (), (2, 3, 4)),
        ("Flatten", (0, -2), (2, 3, 4)),
        ("Flatten", (-2,), (2, 3, 0)),
        ("Flatten", (1, 1), (2, 3, 4)),
        ("Unflatten", (1, (2, -1)), (2, 6, 3)),
        ("Unflatten", (-1, [3, 2]), (2, 6)),
        ("PixelShuffle", (2,), (2, 8, 3, 2)),
        ("PixelShuffle", (3,), (9, 3, 2)),
        ("PixelUnshuffle", (2,), (2, 2, 6, 4)),
        ("ChannelShuffle", (3,), (2, 6, 3, 2)),
        ("Unfold", (3,), (2, 3, 6, 5)),
        ("Unfold", ((2, 3), (2, 1), (1, 0), (2, 1)), (2, 3, 7, 5)),
        ("Unfold", (2, 1, 1, 2), (3, 6, 5)),
        ("Fold", ((6, 5), 3), (2, 18, 12)),
        ("Fold", ((7, 5), (2, 3), (2, 1), (1, 0), (2, 1)), (2, 12, 12)),
        ("Fold", (4, 2, 1, 0, 2), (8, 4)),
    ],
)
def test_layers_that_move_values(name: str, arguments: Any, shape: tuple[int, ...]) -> None:
    compare(name, *arguments, inputs=(random(*shape),))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim: int) -> None:
    x = random(3, 4, 5)
    x[1] = 0
    compare("CosineSimilarity", dim, inputs=(x, random(4, 5)))
    compare("CosineSimilarity", dim, 0.5, inputs=(x * 0.1, random(3, 4, 5)))


@pytest.mark.parametrize("p", [1, 2, float("inf")])
@pytest.mark.parametrize("keepdim", [True, False])
def test_pairwise_distance(p: float, keepdim: bool) -> None:
    x, y = random(3, 5), random(1, 5)
    compare("PairwiseDistance", p, keepdim=keepdim, inputs=(x, y))
    compare("PairwiseDistance", 2.0, 0.0, inputs=(x, x))


# Containers


def test_identity_ignores_its_arguments() -> None:
    x = jnp.ones(3)
    assert PARTS["Identity"](54, "a", unused=0.1)(x) is x


def stack() -> tuple[Any, list[Any]]:
    made = [make("Linear", 3, 3), jax.nn.relu, make("Linear", 3, 2)]
    return PARTS["Sequential"](*made), made


def test_sequential_is_a_list() -> None:
    layer, made = stack()
    assert len(layer) == 3
    assert list(layer) == made
    assert layer[-1] is made[2]
    assert type(layer[1:]) is type(layer)
    assert list(layer[1:]) == made[1:]
    layer[1] = jax.nn.gelu
    layer.append(jax.nn.tanh)
    x = jnp.ones((1, 3))
    agreed = jax.nn.tanh(made[2](jax.nn.gelu(made[0](x))))
    assert (layer(x) == agreed).all()
    assert (nnx.jit(lambda model, x: model(x))(layer, x) == agreed).all()
    del layer[0]
    assert list(layer) == [jax.nn.gelu, made[2], jax.nn.tanh]


def test_sequential_hands_on_one_value() -> None:
    layer = PARTS["Sequential"](lambda x: (x, x + 1), lambda pair: pair[0] * pair[1])
    assert layer(3) == 12
    assert PARTS["Sequential"]()(3) == 3


def test_layers_of_a_sequential_have_names() -> None:
    _, (first, middle, last) = stack()
    named = OrderedDict([("inner", first), ("activation", middle), ("outer", last)])
    layer = PARTS["Sequential"](named)
    assert layer.outer is last
    assert layer[1:].outer is last
    layer.inner = last
    assert layer[0] is last
    layer.append(first)
    assert list(layer[1:]) == [middle, last, first]
    copied = nnx.merge(*nnx.split(layer))
    assert (copied.outer.kernel[...] == last.kernel[...]).all()
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = layer.other
    del layer[0]
    with pytest.raises(AttributeError, match="no attribute 'outer'"):
        _ = layer.outer
    with pytest.raises(ValueError, match="cannot be named by numbers"):
        PARTS["Sequential"]({"1": first, "0": last})


# Initial values


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Linear", (400, 300)),
        ("Bilinear", (50, 40, 30)),
        ("Embedding", (400, 100)),
        ("Conv1d", (40, 300, 5)),
        ("Conv2d", (40, 200, (3, 4), 1, 0, 1, 2)),
        ("Conv3d", (8, 200, 3)),
        ("ConvTranspose1d", (200, 40, 5)),
        ("ConvTranspose2d", (200, 40, (3, 4), 1, 0, 0, 2)),
        ("ConvTranspose3d", (200, 8, 3)),
    ],
)
def test_initial_values_are_distributed_as_in_torch(name: str, arguments: Any) -> None:
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(*arguments)
    ours = make(name, *arguments)
    for key, parameter in theirs.named_parameters():
        variable, _ = of_torch(ours, key)
        values, expected = np.asarray(variable[...]).ravel(), parameter.detach().numpy().ravel()
        assert values.dtype == expected.dtype
        assert values.size == expected.size
        scale = expected.std()
        assert abs(values.mean()) < 4 * scale / np.sqrt(values.size)
        few_values = 4 / np.sqrt(values.size)
        assert values.std() == pytest.approx(scale, rel=few_values)
        quantiles = np.linspace(0.02, 0.98, 9)
        difference = np.quantile(values, quantiles) - np.quantile(expected, quantiles)
        assert np.abs(difference).max() < 2.5 * few_values * scale
        if name != "Embedding":
            assert np.abs(values).max() == pytest.approx(np.abs(expected).max(), rel=few_values)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LayerNorm", ([3, 4],)),
        ("RMSNorm", (4,)),
        ("GroupNorm", (2, 4)),
        ("InstanceNorm2d", (4, 1e-5, 0.1, True)),
        ("BatchNorm2d", (4,)),
    ],
)
def test_norms_start_as_in_torch(name: str, arguments: Any) -> None:
    theirs, ours = getattr(torch.nn, name)(*arguments), make(name, *arguments)
    for key, value in theirs.state_dict().items():
        variable, expression = of_torch(ours, key)
        agree(variable[...], torch.tensor(eval(expression, {"w": value.numpy()})))


# What is not served


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Conv2d", {"in_channels": 2, "out_channels": 2, "kernel_size": 3, "padding": "full"},
         "padding must be"),
        ("Conv2d", {"in_channels": 2, "out_channels": 2, "kernel_size": 3, "padding": "same",
                    "stride": 2}, "needs a stride of 1"),
        ("Conv1d", {"in_channels": 2, "out_channels": 2, "kernel_size": 3,
                    "padding_mode": "wrap"}, "padding_mode must be"),
        ("MaxPool2d", {"kernel_size": 2, "return_indices": True}, "does not return indices"),
        ("AdaptiveMaxPool1d", {"output_size": 2, "return_indices": True}, "does not return"),
        ("InstanceNorm1d", {"num_features": 2, "track_running_stats": True}, "no running"),
        ("Embedding", {"num_embeddings": 2, "embedding_dim": 2, "padding_idx": 2}, "is not one"),
    ],
)  # fmt: skip
def test_what_is_not_served_raises(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)


def test_one_value_a_channel_raises_in_training() -> None:
    _, ours = layers("BatchNorm1d", 3)
    with pytest.raises(ValueError, match="no variance"):
        ours(jnp.ones((1, 3)))
    ours.eval()
    assert ours(jnp.ones((1, 3))).shape == (1, 3)


def test_average_pooling_of_whole_numbers_raises() -> None:
    with pytest.raises(ValueError, match="needs floating point"):
        PARTS["AvgPool1d"](2)(jnp.ones((1, 4), int))


def test_parameters_of_parts_are_those_of_torch() -> None:
    for name, part in PARTS.items():
        _, *ours = inspect.signature(part.__init__).parameters.values()
        theirs = inspect.signature(getattr(torch.nn, name)).parameters
        places = [p for p in theirs.values() if p.kind is not p.KEYWORD_ONLY]
        for place, parameter in enumerate(p for p in ours if p.name != "rngs"):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if (name, parameter.name) == ("AvgPool1d", "divisor_override"):
                continue
            expected = theirs[parameter.name]
            assert parameter.default == expected.default, (name, parameter.name)
            if parameter.kind is not parameter.KEYWORD_ONLY:
                assert places[place].name == parameter.name, (name, parameter.name)
