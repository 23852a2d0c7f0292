"""Runs a torch function or layer and its counterpart, and compares values and gradients."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import math
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import einops
import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx

from jaxport import parts
from jaxport.tables.forms import Parameter, Row, rows
from jaxport.tables.weights import weights

torch.set_num_threads(1)
# Nearly all of the time goes into compiling small functions that run once.
jax.config.update("jax_disable_most_optimizations", True)

# Layers


def copy_weights(source: torch.nn.Module, target: Any) -> None:
    """Gives a part the values of a torch layer, by the table of weights."""
    table = weights().get(type(target).__name__, {})
    for name, value in [
        *source.named_parameters(recurse=False), *source.named_buffers(recurse=False),
    ]:  # fmt: skip
        path, expression = table.get(name, (name, "w"))
        variable = getattr(target, path)
        new = eval(expression, {"w": value.detach().numpy()})
        assert variable.shape == new.shape, (name, variable.shape, new.shape)
        variable[...] = jnp.asarray(new)
    for name, child in source.named_children():
        copy_weights(child, target[int(name)] if name.isdigit() else getattr(target, name))


def check_signature(part: Any, original: Any, *other_defaults: str) -> None:
    """The constructor of a part takes what torch's takes, in torch's order, with its defaults."""
    theirs = inspect.signature(original.__init__).parameters
    ours = dict(inspect.signature(part.__init__).parameters)
    rngs = ours.pop("rngs", None)
    assert rngs is None or rngs.kind is rngs.KEYWORD_ONLY
    positional = [name for name, item in ours.items() if item.kind is not item.KEYWORD_ONLY]
    assert positional == list(theirs)[: len(positional)]
    for name, item in ours.items():
        assert name in theirs
        if name not in other_defaults:
            assert item.default == theirs[name].default, name


# Comparing


def agree(ours: Any, theirs: Any, rtol: float = 2e-5, atol: float = 2e-6) -> None:
    """Fails where a value is not what torch gave: type, shape, numbers."""
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            agree(one, other, rtol, atol)
    elif isinstance(theirs, torch.Tensor):
        assert isinstance(ours, jax.Array)
        assert ours.shape == tuple(theirs.shape)
        assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.").replace("64", "32")
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=rtol, atol=atol)
    else:
        assert ours == theirs and type(ours) is type(theirs)


def compare(
    theirs: Callable[..., Any],
    ours: Callable[..., Any],
    *arrays: Any,
    differentiated: int = 0,
    rtol: float = 2e-5,
    atol: float = 2e-6,
) -> None:
    """Both functions agree at `arrays`, and so do gradients by the first few of these."""
    tensors: list[Any] = [None if array is None else torch.tensor(array) for array in arrays]
    for tensor in tensors[:differentiated]:
        tensor.requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(*tensors)
    given = [None if array is None else jnp.asarray(array) for array in arrays]
    inputs, rest = given[:differentiated], given[differentiated:]
    found, pull_back = jax.vjp(lambda *xs: ours(*xs, *rest), *inputs)
    agree(found, expected, rtol, atol)
    if not differentiated:
        return
    slopes = [np.cos(np.arange(item.numel())).reshape(item.shape) for item in _flat(expected)]
    slopes = [slope.astype(np.float32) for slope in slopes]
    total = sum(
        (item * torch.tensor(slope)).sum()
        for item, slope in zip(_flat(expected), slopes, strict=True)
    )
    wanted = torch.autograd.grad(total, tensors[:differentiated])
    cotangents = jax.tree.unflatten(jax.tree.structure(found), map(jnp.asarray, slopes))
    agree(pull_back(cotangents), wanted, 10 * rtol, 10 * atol)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [item for part in value for item in _flat(part)]
    return [] if value is None else [value]


def variables(part: nnx.Module) -> int:
    """How many parameters a part has."""
    return len(jax.tree.leaves(nnx.state(part, nnx.Param)))


# Forms


@functools.cache
def part_functions() -> dict[str, Any]:
    """Everything that is defined in the folder of parts, by name."""
    return {
        name: value
        for item in pkgutil.walk_packages(parts.__path__, f"{parts.__name__}.")
        for name, value in vars(importlib.import_module(item.name)).items()
        if getattr(value, "__module__", "") == item.name
    }


def run_torch(call: str, **arrays: Any) -> Any:
    """The value of a torch call over the named tensors."""
    return eval(call, {"torch": torch, "F": torch.nn.functional, **arrays})


def run_jax(expression: str, **arrays: Any) -> Any:
    """The value of a JAX expression over the named arrays."""
    roots = {"jnp": jnp, "jax": jax, "nnx": nnx, "math": math, "einops": einops}
    return eval(expression, {**part_functions(), **roots, **arrays})


def ported(call: str) -> str:
    """The torch call as its form writes it; LookupError if no form fits."""
    return form_of(call)[1]


def form_of(call: str) -> tuple[Row, str]:
    """The row that serves a torch call, and the expression that it gives."""
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    arguments = list(node.args)
    name = ast.unparse(node.func)
    if name.startswith("F."):
        name = f"torch.nn.functional.{name[2:]}"
    elif not name.startswith("torch."):
        assert isinstance(node.func, ast.Attribute)
        arguments.insert(0, node.func.value)
        name = f"Tensor.{node.func.attr}"
    for row in rows().get(name, ()):
        given = _bound(row.parameters, arguments, node.keywords)
        if given is not None:
            return row, _filled(row, given)
    raise LookupError(call)


def _bound(
    parameters: tuple[Parameter, ...], arguments: list[ast.expr], keywords: list[ast.keyword]
) -> dict[str, str] | None:
    names = [item.name for item in parameters if not item.keyword_only]
    if len(arguments) > len(names):
        return None
    given = dict(zip(names, arguments, strict=False))
    given.update({item.arg: item.value for item in keywords if item.arg is not None})
    for item in parameters:
        if item.name in given and not _fits(item, given[item.name]):
            return None
        if item.name not in given and item.default is None:
            return None
    known = {item.name for item in parameters}
    return {key: ast.unparse(node) for key, node in given.items()} if known >= set(given) else None


def _fits(parameter: Parameter, node: ast.expr) -> bool:
    if parameter.annotation == "dtype":
        return ast.unparse(node).startswith("torch.")
    if parameter.literals is None:
        return True
    constant = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(constant, ast.Constant) and ast.literal_eval(node) in parameter.literals


def _filled(row: Row, given: dict[str, str]) -> str:
    defaults = {item.name: item.default for item in row.parameters}

    def place(match: re.Match[str]) -> str:
        name, optional = match.groups()
        if name == "key":
            return "key"
        if name in given:
            return f"({given[name]})".replace("torch.", "jnp.")
        return "_gone" if optional else str(defaults[name])

    text = re.sub(r"\{(\w+)(\??)\}", place, row.jax).replace("@", "")
    return ast.unparse(_WithoutGone().visit(ast.parse(text, mode="eval")))


class _WithoutGone(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.args = [item for item in node.args if ast.unparse(item) != "_gone"]
        node.keywords = [item for item in node.keywords if ast.unparse(item.value) != "_gone"]
        return node


def unused(table: str, calls: Iterable[str]) -> list[str]:
    """The forms of a table that none of the calls takes."""
    used = {form_of(call)[0].jax for call in calls}
    forms = importlib.import_module(f"jaxport.tables.forms.{table}").FORMS
    return [form.torch for form in forms if form.jax not in used]
