"""Functions of layers, written as the forms say, compute what torch's compute."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import itertools
import re
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from test_layers import agree, array, few, images, jit, random, with_ties

from jaxport.parts.functional.resize import _nearest_places
from jaxport.tables.forms import Parameter, Row, parsed, rows
from jaxport.tables.forms.layers import FORMS

TOPICS = ("conv", "pool", "norm", "resize", "shape")
PARTS: dict[str, Any] = {
    name: value
    for topic in TOPICS
    for name, value in vars(importlib.import_module(f"jaxport.parts.functional.{topic}")).items()
    if inspect.isfunction(value) and not name.startswith("_")
}


def template_of(row: Row) -> ast.expr:
    """The JAX expression, with names `all_p` for `{p}` and `given_p` for `{p?}`."""
    text = re.sub(r"@(?=\w)", "", row.jax)
    text = re.sub(r"\{(\w+)\?\}", r"given_\1", text)
    text = re.sub(r"\{(\w+)\}", r"all_\1", text)
    return ast.parse(text, mode="eval").body


def fits(value: Any, parameter: Parameter) -> bool:
    if parameter.literals is not None:
        return any(type(value) is type(item) and value == item for item in parameter.literals)
    types: dict[str, Any] = {"Tensor": torch.Tensor, "int": int, "float": float, "bool": bool}
    types |= {"str": str, "number": (int, float), "any": object}
    return isinstance(value, types[parameter.annotation])


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Evaluates the first form of a function that fits the (torch) arguments."""
    for row in rows()[name]:
        parameters = {parameter.name: parameter for parameter in row.parameters}
        given = dict(zip(parameters, args, strict=False)) | kwargs
        required = {item.name for item in row.parameters if item.default is None}
        if (
            required <= given.keys() <= parameters.keys()
            and len(args) <= len(parameters)
            and all(fits(value, parameters[key]) for key, value in given.items())
        ):
            return evaluate(row, given)
    raise LookupError(f"no form of {name} fits")


def evaluate(row: Row, given: dict[str, Any]) -> Any:
    template = template_of(row)
    if isinstance(template, ast.Call):
        gone = {f"given_{parameter.name}" for parameter in row.parameters} - {
            f"given_{name}" for name in given
        }
        template.keywords = [
            keyword for keyword in template.keywords if ast.unparse(keyword.value) not in gone
        ]
    arrays = {name: array(value) for name, value in given.items() if torch.is_tensor(value)}
    code = compile(ast.Expression(template), row.name, "eval")

    @jit
    def run(arrays: dict[str, jax.Array]) -> Any:
        values = {
            parameter.name: ast.literal_eval(parameter.default)
            for parameter in row.parameters
            if parameter.default is not None
        }
        values |= given | arrays
        names = {p + name: value for name, value in values.items() for p in ("all_", "given_")}
        return eval(code, PARTS | {"jax": jax, "jnp": jnp} | names)

    return run(arrays)


def compare(name: str, *args: Any, **kwargs: Any) -> None:
    """The form of `torch.nn.functional.<name>` gives what torch gives."""
    agree(call(f"torch.nn.functional.{name}", *args, **kwargs), getattr(F, name)(*args, **kwargs))


def compare_gradients(name: str, inputs: list[torch.Tensor], *args: Any, **kwargs: Any) -> None:
    """Gradients with respect to the leading tensors are those of torch's."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    expected = getattr(F, name)(*inputs, *args, **kwargs)
    cotangent = random(*expected.shape)
    expected.backward(cotangent)
    part = PARTS[name]

    @jit
    def run(values: list[jax.Array]) -> Any:
        _, pull_back = jax.vjp(lambda *xs: part(*xs, *args, **kwargs), *values)
        return pull_back(jnp.asarray(cotangent.numpy()))

    for ours, x in zip(run([array(x) for x in inputs]), inputs, strict=True):
        agree(ours, x.grad)


# The table


ROWS = [row for form in FORMS for row in parsed(form)]


def names_in(row: Row) -> set[str]:
    return {node.id for node in ast.walk(template_of(row)) if isinstance(node, ast.Name)}


def test_every_form_names_its_parameters_and_parts() -> None:
    for row in ROWS:
        places = {p + item.name for item in row.parameters for p in ("all_", "given_")}
        assert names_in(row) - places <= PARTS.keys() | {"jax", "jnp"}, row.name
        assert callable(functools.reduce(getattr, row.name.split(".")[1:], torch))


def test_every_part_has_a_form() -> None:
    assert PARTS.keys() <= set().union(*map(names_in, ROWS))


def test_defaults_are_those_of_torch() -> None:
    for row in ROWS:
        try:
            theirs = inspect.signature(getattr(F, row.name.rpartition(".")[2])).parameters
        except (AttributeError, ValueError):
            continue  # Written in C++: the calls below show the defaults.
        if "args" in theirs:
            continue
        for parameter in row.parameters:
            if parameter.default is not None:
                default = ast.literal_eval(parameter.default)
                assert default == theirs[parameter.name].default, (row.name, parameter.name)


# Linear maps


def test_linear() -> None:
    for bias in ((), (None,), (random(4),)):
        compare("linear", random(2, 3, 5), random(4, 5), *bias)
    agree(PARTS["linear"](jnp.ones(5), jnp.ones((4, 5)), jnp.ones(4)), torch.full((4,), 6.0))
    agree(PARTS["linear"](jnp.ones(5), jnp.ones((4, 5))), torch.full((4,), 5.0))


def test_bilinear() -> None:
    for bias in ((), (random(4),)):
        compare("bilinear", random(3, 5), random(3, 2), random(4, 5, 2), *bias)


@pytest.mark.parametrize("padding_idx", [None, 1, -2])
def test_embedding(padding_idx: int | None) -> None:
    indexes, weight = torch.tensor([[0, 1], [3, 1]]), random(5, 3)
    compare("embedding", indexes, weight)
    compare("embedding", indexes, weight, padding_idx=padding_idx)
    weight.requires_grad_()
    F.embedding(indexes, weight, padding_idx).square().sum().backward()
    gradient = jax.grad(
        lambda w: jnp.square(PARTS["embedding"](array(indexes), w, padding_idx)).sum()
    )(array(weight))
    agree(gradient, weight.grad)


def test_one_hot() -> None:
    compare("one_hot", torch.tensor([[0, 3], [1, 1]]), 5)
    with pytest.raises(TypeError):
        call("torch.nn.functional.one_hot", torch.tensor([1]), -1)


@few
@given(st.integers(1, 3), st.booleans(), st.booleans(), st.sampled_from([1, 2]), st.data())
def test_convolutions(
    rank: int, batched: bool, biased: bool, groups: int, data: st.DataObject
) -> None:
    kernel = (3, 2, 3)[:rank]
    one = st.integers(1, 2)
    stride, dilation = (data.draw(one | st.tuples(*[one] * rank)) for _ in range(2))
    padding = data.draw(st.sampled_from([0, 1, "valid", "same"]))
    if padding == "same":
        stride = 1
    case: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": groups}
    bias = random(6) if biased else None
    x = images(rank, batched)
    weight = random(6, 4 // groups, *kernel)
    compare(f"conv{rank}d", x, weight, bias, padding=padding, **case)
    weight = random(4, 6 // groups, *kernel)
    padding = 0 if isinstance(padding, str) else padding
    compare(f"conv_transpose{rank}d", x, weight, bias, padding=padding, **case)


# Pooling


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pooling(rank: int) -> None:
    x = images(rank, True, 2)
    compare(f"max_pool{rank}d", x, 2)
    compare(f"max_pool{rank}d", x, [3] * rank, 2, 1, dilation=2, ceil_mode=True)
    compare(f"avg_pool{rank}d", x, 2)
    compare(f"avg_pool{rank}d", x, [3] * rank, 2, 1, True, count_include_pad=False)
    for kind in ("avg", "max"):
        compare(f"adaptive_{kind}_pool{rank}d", x, 4)
        compare(f"adaptive_{kind}_pool{rank}d", x, [1] * rank)
    if rank > 1:
        compare(f"avg_pool{rank}d", x, 2, divisor_override=3)
        compare(f"adaptive_max_pool{rank}d", x, [None, *[3] * (rank - 1)])
        compare(f"adaptive_avg_pool{rank}d", x, [None, 3, 9][:rank])


def test_the_first_of_equal_maxima_gets_the_gradient() -> None:
    x = torch.zeros(1, 1, 4, 4)
    compare_gradients("max_pool2d", [x], 2)
    compare_gradients("max_pool2d", [x], 3, 1, 1)
    compare_gradients("max_pool2d", [x], 2, 1, 0, 2)
    compare_gradients("adaptive_max_pool2d", [x], 2)
    compare_gradients("adaptive_max_pool2d", [x], 3)


def test_pooling_of_values_that_are_not_finite() -> None:
    x = with_ties(1, 2, 4, 4)
    x[0, 0, 1, 1], x[0, 1] = float("nan"), -float("inf")
    compare("max_pool2d", x, 2)
    compare("max_pool2d", x, 2, 1, 0, 2)
    compare("adaptive_max_pool2d", x, 3)
    compare("adaptive_avg_pool2d", x, 3)


# Normalization


@pytest.mark.parametrize("given", [(), ("weight",), ("weight", "bias")])
def test_norms(given: tuple[str, ...]) -> None:
    x = random(3, 4, 5, 2) * 2 + 3

    def values(*shape: int) -> dict[str, torch.Tensor]:
        return {name: random(*shape) * (3 if name == "bias" else 2) for name in given}

    compare("layer_norm", x, (2,), **values(2), eps=0.1)
    compare("layer_norm", x, x.shape[1:], **values(4, 5, 2))
    compare("group_norm", x, 2, **values(4))
    compare("instance_norm", x, **values(4), eps=1e-3)
    mean, var = random(4), random(4).abs() + 0.1
    compare("batch_norm", x, mean, var, **values(4))
    compare("batch_norm", x, None, None, **values(4), training=True, eps=1e-3)
    if "bias" not in given:
        compare("rms_norm", x, [5, 2], **values(5, 2))
        compare("rms_norm", x, [2], **values(2), eps=0.1)


def test_forms_that_update_statistics_are_not_served() -> None:
    x, mean, var = random(3, 4), random(4), torch.ones(4)
    with pytest.raises(LookupError):
        call("torch.nn.functional.batch_norm", x, mean, var, training=True)
    with pytest.raises(LookupError):
        call("torch.nn.functional.instance_norm", x, mean, var)


@pytest.mark.parametrize("p", [1, 2.0, float("inf")])
@pytest.mark.parametrize("dim", [1, -1, 0])
def test_normalize(p: float, dim: int) -> None:
    x = random(3, 4, 5)
    x[1], x[:, 2] = 0, 0
    compare("normalize", x, p, dim)
    compare_gradients("normalize", [x], p, dim)


def test_lengths() -> None:
    x, y = random(3, 4, 5), random(3, 4, 5) * 2
    x[1] = 0
    compare("normalize", x)
    compare("normalize", x, dim=(1, 2))
    compare("cosine_similarity", x, y)
    compare("cosine_similarity", x, y[0], dim=-1, eps=1.0)
    compare_gradients("cosine_similarity", [x, y], dim=-1, eps=1.0)
    compare("pairwise_distance", x, y)
    compare("pairwise_distance", x, y[:1], 1.0, keepdim=True)
    compare_gradients("pairwise_distance", [x, x.clone()], 2.0, 0.0)
    with pytest.raises(ValueError, match="p must be"):
        PARTS["normalize"](jnp.ones((2, 2)), p=3.0)


# Resizing


@few
@given(
    st.sampled_from(["linear", "bilinear", "trilinear", "bicubic", "area"]),
    st.sampled_from([None, True, False]),
    st.data(),
)
def test_resizing(mode: str, corners: bool | None, data: st.DataObject) -> None:
    rank = {"linear": 1, "trilinear": 3, "area": 2}.get(mode, 2)
    if mode == "area":
        corners = None
    x = images(rank, True, 2)
    sizes = data.draw(st.tuples(*[st.integers(1, 15)] * rank))
    compare("interpolate", x, sizes, mode=mode, align_corners=corners)
    factor = data.draw(st.sampled_from([2, 0.5, 1.7, [0.6, 2.3, 1.0][:rank]]))
    again = data.draw(st.sampled_from([None, True, False]))
    compare(
        "interpolate", x, scale_factor=factor, mode=mode, align_corners=corners,
        recompute_scale_factor=again,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
def test_gradients_of_resizing(mode: str) -> None:
    compare_gradients("interpolate", [images(2, True, 2)], (10, 5), mode=mode)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 4), (14, 5), (7, 8), (1, 20)])
def test_resizing_with_antialias(mode: str, size: tuple[int, int]) -> None:
    x = images(2, True, 2)
    compare("interpolate", x, size, mode=mode, antialias=True, align_corners=False)
    compare("interpolate", x, scale_factor=0.4, mode=mode, antialias=True)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_reads_the_same_places_as_torch(mode: str) -> None:
    for old, new in itertools.product(range(1, 40), range(1, 80)):
        line = torch.arange(old, dtype=torch.float32)[None, None, None]
        expected = F.interpolate(line, (1, new), mode=mode).numpy()[0, 0, 0]
        assert (_nearest_places(old, new, old / new, mode) == expected).all(), (old, new)
    for old, factor in itertools.product((5, 10), (2, 3.0, 0.5, 0.3, 1.9, 2.2, 2.4)):
        line = torch.arange(old, dtype=torch.float32)[None, None, None]
        compare("interpolate", line, scale_factor=(1, factor), mode=mode)


def test_nearest_of_whole_numbers_stays_whole() -> None:
    x = torch.arange(6, dtype=torch.uint8).reshape(1, 1, 2, 3)
    agree(PARTS["interpolate"](array(x), (4, 4)), F.interpolate(x, (4, 4)))


def test_the_old_name_of_interpolate() -> None:
    x = images(2, True, 2)
    agree(
        call("torch.nn.functional.upsample", x, scale_factor=2, mode="bilinear"),
        F.interpolate(x, scale_factor=2, mode="bilinear"),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either size or scale_factor"),
        ({"size": 3, "scale_factor": 2.0}, "either size or scale_factor"),
        ({"size": 3, "mode": "lanczos"}, "unknown mode 'lanczos'"),
        ({"size": 3, "mode": "nearest-ish"}, "unknown mode 'nearest-ish'"),
        ({"size": 3, "antialias": True}, "antialias needs"),
        ({"input": jnp.ones((1, 1, 4)), "size": 3, "mode": "nearest-exact"}, "four dimensions"),
        ({"input": jnp.ones((1, 1, 4), int), "size": 3, "mode": "linear"}, "needs floating point"),
        ({"size": 3, "mode": "bicubic", "antialias": True, "align_corners": True}, "antialias"),
    ],
)
def test_resizing_that_is_not_served_raises(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PARTS["interpolate"](**{"input": jnp.ones((1, 1, 4, 4))} | arguments)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border"])
@pytest.mark.parametrize("corners", [None, True])
@pytest.mark.filterwarnings("ignore:Default grid_sample")
def test_grid_sample(mode: str, padding_mode: str, corners: bool | None) -> None:
    x, grid = random(2, 3, 5, 6), random(2, 4, 7, 2)
    grid[0, 0, 0] = 1
    compare("grid_sample", x, grid, mode, padding_mode, align_corners=corners)
    compare_gradients("grid_sample", [x, grid], mode, padding_mode, corners)
    volume, places = random(2, 3, 4, 5, 3), random(2, 3, 2, 4, 3)
    compare("grid_sample", volume, places, mode, padding_mode, align_corners=corners)


def test_sampling_that_is_not_served_raises() -> None:
    x, grid = jnp.ones((1, 1, 3, 3)), jnp.ones((1, 2, 2, 2))
    with pytest.raises(ValueError, match="no mode 'bicubic'"):
        PARTS["grid_sample"](x, grid, mode="bicubic")
    with pytest.raises(ValueError, match="padding mode 'reflection'"):
        PARTS["grid_sample"](x, grid, padding_mode="reflection")


@pytest.mark.parametrize("corners", [None, False, True])
@pytest.mark.filterwarnings("ignore:Default grid_sample", "ignore:Since version 1.3.0")
def test_affine_grid(corners: bool | None) -> None:
    compare("affine_grid", random(2, 2, 3), (2, 3, 4, 5), align_corners=corners)
    compare("affine_grid", random(2, 2, 3), [2, 3, 1, 5], align_corners=corners)
    compare("affine_grid", random(2, 3, 4), (2, 3, 2, 4, 5), align_corners=corners)


# Padding and moving values


@few
@given(st.data(), st.sampled_from(["constant", "reflect", "replicate", "circular"]))
def test_padding(data: st.DataObject, mode: str) -> None:
    x = random(2, 3, 4, 5)
    if mode == "constant":
        sides = data.draw(st.lists(st.integers(-1, 3), min_size=2, max_size=8))
        pads = sides[: len(sides) // 2 * 2]
        compare("pad", x, tuple(pads), value=1.5)
    else:
        pads = data.draw(st.lists(st.integers(0, 3), min_size=4, max_size=4))
    compare("pad", x, pads, mode)


def test_padding_keeps_the_dtype() -> None:
    for x in (torch.tensor([True, False]), torch.tensor([1, 2]), torch.tensor([1.0, 2.0])):
        compare("pad", x, (1, 2), value=True)
        compare("pad", x, (0, 1))


@pytest.mark.parametrize(
    ("pads", "mode", "message"),
    [
        ((3, 0), "reflect", "does not fit"),
        ((4, 0), "circular", "does not fit"),
        ((-1, 0), "replicate", "does not fit"),
        ((1, 0), "symmetric", "mode must be"),
    ],
)
def test_padding_that_is_not_served_raises(pads: tuple[int, int], mode: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PARTS["pad"](jnp.ones((1, 3)), pads, mode)


def test_moving_values() -> None:
    compare("pixel_shuffle", random(2, 8, 3, 4), 2)
    compare("pixel_unshuffle", random(2, 3, 6, 4), 2)
    compare("channel_shuffle", random(2, 6, 3), 3)
    compare("unfold", random(2, 3, 6, 5), 3)
    compare("unfold", random(2, 3, 7, 5), (2, 3), (2, 1), (1, 0), stride=(2, 1))
    compare("fold", random(2, 18, 12), (6, 5), (3, 3))
    compare("fold", random(2, 12, 12), (7, 5), (2, 3), (2, 1), (1, 0), stride=(2, 1))
    compare_gradients("fold", [random(2, 12, 12)], (7, 5), (2, 3), (2, 1), (1, 0), (2, 1))
