"""Types, shapes and constants are what they are in torch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from forms_harness import check, forms, port_expression, run_jax, run_torch, same, unused

from jaxport.tables import constants
from jaxport.tables.forms import parsed

_CONVERSIONS = (
    "float", "double", "half", "bfloat16", "long", "int", "bool", "short", "char", "byte",
)  # fmt: skip

SNIPPETS = [
    *(f"{array}.{name}()" for name in _CONVERSIONS for array in ("i", "b")),
    *(f"x.{name}()" for name in _CONVERSIONS[:-1]), "unit.byte()", "e[3:].int()", "e.bool()",
    "x.cfloat()", "i.cdouble()", "x.type_as(i)", "i.type_as(h)", "i32.float()",
    "torch.is_floating_point(x)", "i.is_floating_point()", "h.is_floating_point()",
    "torch.is_complex(c)", "x.is_complex()", "torch.is_tensor(x)", "torch.is_tensor(3)",
    "torch.result_type(i, x)", "torch.result_type(x, 2)", "torch.result_type(h, m)",
    "torch.promote_types(torch.int32, torch.float16)", "torch.promote_types(x.dtype, i32.dtype)",
    "x.size()", "x.size(0)", "x.size(-1)", "x.size(dim=1)", "x.dim()", "s.ndimension()",
    "torch.numel(x)", "x.numel()", "s.nelement()", "x.element_size()", "i8.element_size()",
    "x.contiguous()", "x.transpose(0, 1).contiguous()",
    "x.is_contiguous()", "c.resolve_conj()", "x.resolve_neg()", "torch.clone(x)", "x.clone()",
]  # fmt: skip
_LIMITS = (
    "torch.finfo(torch.float32).min", "torch.finfo(x.dtype).max", "torch.finfo(torch.float16).eps",
    "torch.finfo(torch.bfloat16).tiny", "torch.iinfo(torch.int32).max", "torch.iinfo(i8.dtype).min",
    "torch.iinfo(torch.long).max", "torch.finfo(torch.half).bits",
)  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS)


@pytest.mark.parametrize("source", _LIMITS)
def test_limits(source: str) -> None:
    assert float(run_jax(port_expression(source))) == float(run_torch(source))


def test_every_form_is_run() -> None:
    assert unused("dtypes", [*SNIPPETS, *_LIMITS]) == []


def test_a_clone_does_not_follow_its_origin() -> None:
    x = jnp.ones(3)
    assert run_jax("jnp.copy(x)", {"x": x}) is not x


# Constants


def _of_torch(name: str) -> object:
    value: object = torch
    for part in name.split(".")[1:]:
        value = getattr(value, part)
    return value


_VALUES = [name for name in constants.CONSTANTS if not isinstance(_of_torch(name), type)]


@pytest.mark.parametrize("name", _VALUES)
def test_constants(name: str) -> None:
    """A dtype makes arrays of the type that torch's makes, without a warning; numbers agree."""
    expected = _of_torch(name)
    value = run_jax(constants.CONSTANTS[name])
    if isinstance(expected, torch.dtype):
        made = run_jax(f"jnp.zeros(2, {constants.CONSTANTS[name]})")
        assert made.dtype == jnp.result_type(value)
        same(torch.empty(0, dtype=expected).dtype, made.dtype, name)
    else:
        assert isinstance(expected, float)
        np.testing.assert_equal(float(value), expected)


@pytest.mark.parametrize("name", constants.COMPARED_DTYPES)
def test_dtypes_that_are_compared(name: str) -> None:
    with_jax = run_jax(constants.COMPARED_DTYPES[name])
    assert jnp.dtype(with_jax).name in (str(_of_torch(name)).removeprefix("torch."), "int32")
    assert (jnp.arange(3).dtype == with_jax) == (torch.arange(3).dtype == _of_torch(name))


@pytest.mark.parametrize("name", [name for name in constants.CONSTANTS if name not in _VALUES])
def test_classes(name: str) -> None:
    """A class stands for instances of the class that it becomes."""
    becomes = run_jax(constants.CONSTANTS[name])
    if name == "torch.Size":
        assert isinstance(jnp.ones(2).shape, becomes)
    elif name == "torch.device":
        assert isinstance(jnp.ones(2).device, becomes)
    elif name.endswith("Tensor"):
        assert becomes is jax.Array


@pytest.mark.parametrize("name", constants.TENSOR_ATTRIBUTES)
@pytest.mark.parametrize("array", ["m", "c"])
def test_attributes(name: str, array: str) -> None:
    if name == "device" or (name == "imag" and array == "m"):
        return
    form = constants.TENSOR_ATTRIBUTES[name].replace("{self}", array)
    same(run_torch(f"{array}.{name}"), run_jax(form), form)


_SAME_CALLS = (
    "b.all()", "b.any(1)", "x.argmax()", "x.argmin(-1)", "x.argsort(1)", "x.clip(-1, 1)",
    "c.conj()", "x.cumprod(1)", "x.cumsum(0)", "x.diagonal(0, 1, 2)", "v.dot(w)", "x.flatten()",
    "s.item()", "x.mean()", "x.mean(1)", "x.mean((0, 2))", "x.prod(1)", "x.ravel()",
    "x.reshape(-1, 4)", "one.squeeze()", "one.squeeze(0)", "x.sum()", "i.sum(1)",
    "x.sum((0, 1))", "x.swapaxes(0, 2)", "m.tolist()", "m.trace()",
)  # fmt: skip
_OTHER_CALLS = (
    "x.all(1, True)", "x.any(1, True)", "x.argmax(1, True)", "x.argmin(1, True)",
    "x.argsort(1, True)", "x.clip(min=0, max=1, out=None)", "x.cumprod(1, dtype=torch.float32)",
    "x.cumsum(dim=1)", "x.diagonal(dim1=1, dim2=2)", "x.flatten(1)", "x.mean(1, True)",
    "x.prod(1, True)", "x.squeeze(dim=0)", "x.sum(1, True)", "x.sum(dim=1)",
    "x.reshape(shape=(2, 12))", "x.swapaxes(axis0=0, axis1=2)",
)  # fmt: skip


@pytest.mark.parametrize("source", _SAME_CALLS)
def test_portable_methods(source: str) -> None:
    same(run_torch(source), run_jax(source), source)
    assert source.split(".", 1)[1].split("(")[0] in constants.PORTABLE_METHODS


def test_all_portable_methods_are_tried() -> None:
    tried = {source.split(".", 1)[1].split("(")[0] for source in _SAME_CALLS}
    assert tried == set(constants.PORTABLE_METHODS)


@pytest.mark.parametrize("source", _OTHER_CALLS)
def test_other_calls_of_portable_methods_raise(source: str) -> None:
    """What is left as it is by name can not compute something else."""
    try:
        value = run_jax(source.replace("torch.", "jnp."))
    except (TypeError, ValueError, NotImplementedError, jax.errors.JAXTypeError):
        return
    same(run_torch(source), value, source)


def test_every_name_is_torch_s() -> None:
    for topic in ("creation", "shapes", "pointwise", "reductions", "indexing", "linalg", "inplace",
                  "random_numbers", "dtypes"):  # fmt: skip
        for form in forms(topic):
            for row in parsed(form):
                kind, name = row.name.split(".", 1)
                assert callable(
                    _of_torch(row.name if kind == "torch" else f"torch.Tensor.{name}")
                ), row.name
