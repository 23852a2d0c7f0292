"""Each optimizer that jaxport writes, run next to torch's: every argument, 20 steps, float64."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import libcst
import numpy as np
import optax
import pytest
import torch

from jaxport.hooks import HookContext, transform_optimizer_init
from jaxport.tables.optimizers import OPTIMIZERS, UNSUPPORTED

STEPS = 20
NAMES = {"rate": 0.02, "first": 0.7, "second": 0.95, "decay": 0.05, "small": 1e-5, "share": 0.6}

# Values to run, as source text, by torch's name of the argument.
VALUES = {
    "lr": ("0.05", "1e-2", "rate", "rate / 2"),
    "betas": ("(0.8, 0.95)", "[0.5, 0.9]", "(0.0, 0.999)", "(first, second)", "(0.9, 1 - 0.1)"),
    "eps": ("1e-3", "1e-12", "small"),
    "weight_decay": ("0", "0.0", "0.1", "0.02", "decay", "decay * 2"),
    "momentum": ("0", "0.9", "0.5", "share"),
    "alpha": ("0.9", "0.5", "share"),
    "rho": ("0.5", "0.99", "share"),
    "centered": ("True", "False"),
    "maximize": ("True", "False"),
    "dampening": ("0", "0.0"),
    "amsgrad": ("False",),
    "decoupled_weight_decay": ("False",),
    "foreach": ("True", "False", "None"),
    "fused": ("True", "False", "None"),
    "capturable": ("False",),
    "differentiable": ("False",),
}
COMBINED = {
    "SGD": (
        "momentum=0.9, nesterov=True", "momentum=share, nesterov=True, weight_decay=decay",
        "nesterov=False", "momentum=0.9, maximize=True, weight_decay=0.1, nesterov=True",
        "momentum=0.9, dampening=0, weight_decay=0.1", "0.1", "0.1, 0.9", "0.1, 0.9, 0",
        "0.1, 0.9, 0, 0.01", "0.1, 0.9, 0, 0.01, True", "weight_decay=0.1, lr=0.05",
    ),
    "Adam": (
        "0.05", "0.05, (0.8, 0.95)", "0.05, (0.8, 0.95), 1e-4", "0.05, (0.8, 0.95), 1e-4, 0.1",
        "0.05, (0.8, 0.95), 1e-4, 0.1, False", "maximize=True, weight_decay=0.1",
        "weight_decay=0.1, maximize=True, eps=1e-4", "eps=1e-4, betas=(0.8, 0.95), lr=0.05",
    ),
    "AdamW": (
        "0.05", "0.05, (0.8, 0.95), 1e-4, 0.3", "0.05, (0.8, 0.95), 1e-4, 0.3, False",
        "maximize=True, weight_decay=0.3", "weight_decay=0.3, lr=0.05, maximize=False",
    ),
    "RMSprop": (
        "0.05", "0.05, 0.9, 1e-4, 0.1, 0.5, True", "0.05, 0.9, 1e-4, 0.1, 0.5, True, False, None",
        "0.05, 0.9, 1e-4, 0.1, 0.5, True, False, None, True", "momentum=0.9, centered=True",
        "maximize=True, weight_decay=0.1, momentum=share", "centered=True, maximize=True",
    ),
    "Adadelta": (
        "0.5", "0.5, 0.8", "0.5, 0.8, 1e-4, 0.1", "0.5, 0.8, 1e-4, 0.1, False",
        "maximize=True, weight_decay=0.1",
    ),
    "Adamax": (
        "0.05", "0.05, (0.8, 0.95), 1e-4, 0.1", "0.05, (0.8, 0.95), 1e-4, 0.1, True",
        "maximize=True, weight_decay=0.1, betas=(0.5, 0.9)",
    ),
}  # fmt: skip


def torch_class(name: str) -> Any:
    return getattr(torch.optim, name.rsplit(".", 1)[-1])


def torch_arguments(name: str) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(torch_class(name)).parameters)
    del parameters["params"]
    return parameters


def cases() -> Iterator[tuple[str, str]]:
    for name in OPTIMIZERS:
        yield name, ""
        for argument in torch_arguments(name):
            for value in VALUES.get(argument, ()):
                yield name, f"{argument}={value}"
        for arguments in COMBINED[name.rsplit(".", 1)[-1]]:
            yield name, arguments


def constructor(name: str, arguments: str) -> str:
    return f"{name}({', '.join(filter(None, ['model.parameters()', arguments]))})"


def rewritten(text: str, context: HookContext | None = None) -> str:
    """What jaxport's hook writes for the constructor `text`."""
    node = libcst.parse_expression(text)
    assert isinstance(node, libcst.Call)
    return libcst.Module([]).code_for_node(transform_optimizer_init(node, context or HookContext()))


@pytest.fixture
def x64() -> Iterator[None]:
    """JAX computes in float64, as torch does here, for one test only."""
    with jax.enable_x64(True):
        yield


def loss(xp: Any, params: Any, x: Any, y: Any) -> Any:
    """The last parameter has gradients around 1e-6, so that it shows where `eps` goes."""
    weight, bias, scale, faint = params
    error = xp.tanh(x @ weight + bias) * scale - y
    return (error**2).mean() + 0.1 * (weight**4).sum() + 1e-6 * xp.sin(3 * faint).sum()


def start() -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    random = np.random.default_rng(1)
    return [random.normal(size=shape) * 0.7 for shape in ((3, 2), (2,), (), (5,))]


def batches() -> list[tuple[Any, Any]]:
    random = np.random.default_rng(2)
    return [(random.normal(size=(6, 3)), random.normal(size=(6, 2))) for _ in range(STEPS)]


def flat(params: Any) -> Any:
    return np.concatenate([np.asarray(item).reshape(-1) for item in params])


def torch_path(text: str) -> Any:
    """How far torch's parameters have moved after each step."""
    model = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(p)) for p in start()])
    optimizer = eval(text, {"torch": torch, "model": model, **NAMES})
    path = []
    for x, y in batches():
        optimizer.zero_grad()
        value: Any = loss(torch, list(model), torch.tensor(x), torch.tensor(y))
        value.backward()
        optimizer.step()
        path.append(flat([p.detach().numpy() for p in model]) - flat(start()))
    return np.stack(path)


GRADIENT = jax.jit(jax.grad(lambda params, x, y: loss(jnp, params, x, y)))


def optax_path(text: str) -> Any:
    """The same for the Optax expression `text`, stepped as jaxport writes the step."""
    optimizer = eval(text, {"optax": optax, **NAMES})
    params: Any = [jnp.asarray(p) for p in start()]
    assert all(p.dtype == jnp.float64 for p in params)
    opt_state = optimizer.init(params)
    path = []
    for x, y in batches():
        grads = GRADIENT(params, x, y)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        path.append(flat(params) - flat(start()))
    return np.stack(path)


@pytest.mark.parametrize(("name", "arguments"), list(cases()))
def test_optax_moves_the_parameters_as_torch_does(name: str, arguments: str, x64: None) -> None:
    text = constructor(name, arguments)
    written = rewritten(text)
    assert written.startswith("optax.")
    assert "torch" not in written
    expected = torch_path(text)
    assert np.all(expected[-1] != 0)
    # Of the way travelled, not of the parameters: a wrong `eps` would hide in those.
    np.testing.assert_allclose(optax_path(written), expected, rtol=1e-9, atol=1e-15)


def test_every_torch_optimizer_is_either_written_or_explained() -> None:
    classes = {
        f"torch.optim.{name}"
        for name, value in vars(torch.optim).items()
        if inspect.isclass(value) and issubclass(value, torch.optim.Optimizer)
    }
    assert classes == set(OPTIMIZERS) | set(UNSUPPORTED)
    assert not set(OPTIMIZERS) & set(UNSUPPORTED)
    assert all(UNSUPPORTED.values())


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_unsupported_optimizer_stays(name: str) -> None:
    text = constructor(name, "lr=0.1")
    assert rewritten(text) == text


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_argument_of_torch_is_dropped_silently(name: str) -> None:
    row = OPTIMIZERS[name]
    for argument in torch_arguments(name):
        homes = [
            argument in row.rename,
            argument == "weight_decay" and row.decay,
            argument == "maximize",
            argument in row.ignored,
            argument in row.refuse,
        ]
        assert homes.count(True) == 1, argument
        marked = rewritten(constructor(name, f"{argument}=(one, two)"))
        if argument in row.ignored:
            assert marked == rewritten(constructor(name, ""))
        elif argument in row.refuse or argument == "maximize":
            assert marked == constructor(name, f"{argument}=(one, two)")
        else:
            assert "one" in marked and "two" in marked and marked.startswith("optax.")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_argument_is_run(name: str) -> None:
    run = " ".join(arguments for row, arguments in cases() if row == name)
    assert [argument for argument in torch_arguments(name) if f"{argument}=" not in run] == []


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_table_knows_only_arguments_that_torch_has_in_the_order_of_torch(name: str) -> None:
    row = OPTIMIZERS[name]
    arguments = torch_arguments(name)
    ordered = [key for key, value in arguments.items() if value.kind is not value.KEYWORD_ONLY]
    assert ordered[: len(row.positional)] == list(row.positional)
    assert set(ordered) - set(row.positional) <= row.ignored
    assert (set(row.rename) | set(row.refuse)) <= set(arguments)
    optax_arguments = set(inspect.signature(getattr(optax, row.optax)).parameters)
    renamed = {target for targets in row.rename.values() for target in targets.split()}
    assert renamed | set(row.write) | set(row.always) <= optax_arguments


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_of_torch_are_written_where_those_of_optax_differ(name: str) -> None:
    row = OPTIMIZERS[name]
    call = ast.parse(rewritten(constructor(name, "")), mode="eval").body
    assert isinstance(call, ast.Call)
    used = {
        key: value.default
        for key, value in inspect.signature(getattr(optax, row.optax)).parameters.items()
    }
    used |= {item.arg: ast.literal_eval(item.value) for item in call.keywords if item.arg}
    for argument, parameter in torch_arguments(name).items():
        if argument in row.rename:
            targets = row.rename[argument].split()
            values = parameter.default if len(targets) > 1 else (parameter.default,)
            # Optax says None where torch says that the momentum is 0.
            assert tuple(used[target] or 0 for target in targets) == tuple(values), argument
        elif argument == "weight_decay":
            assert parameter.default == 0
        elif argument in row.refuse:
            assert str(parameter.default) in row.refuse[argument][0]
        elif argument == "maximize":
            assert parameter.default is False


def refusals() -> Iterator[tuple[str, str]]:
    for name, row in OPTIMIZERS.items():
        for argument in row.refuse:
            default = torch_arguments(name)[argument].default
            values = ("True", "1") if isinstance(default, bool) else ("0.5", "1", "-0.1")
            for value in (*values, "unknown", "not unknown"):
                yield name, f"{argument}={value}"
                yield name, f"lr=0.1, {argument}={value}"
            index = row.positional.index(argument) if argument in row.positional else None
            if index is not None:
                known = [str(torch_arguments(name)[key].default) for key in row.positional[:index]]
                yield name, ", ".join([*known, values[0]])
        for value in ("unknown", "not unknown", "1"):
            yield name, f"maximize={value}"
        if "betas" in row.rename:
            for value in ("unknown", "(0.9,)", "(0.9, 0.99, 0.999)", "tuple(unknown)"):
                yield name, f"betas={value}"
        yield name, "no_such_argument=1"
        yield name, "*unknown"
        yield name, "**unknown"
        yield name, ", ".join(["0"] * (len(torch_arguments(name)) + 1))


@pytest.mark.parametrize(("name", "arguments"), list(refusals()))
def test_what_optax_can_not_do_stays_as_it_is(name: str, arguments: str) -> None:
    node = libcst.parse_expression(constructor(name, arguments))
    assert isinstance(node, libcst.Call)
    assert transform_optimizer_init(node, HookContext()) is node


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_without_parameters_stays(name: str) -> None:
    assert rewritten(f"{name}(lr=0.1)") == f"{name}(lr=0.1)"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_under_other_names_is_the_same(name: str, x64: None) -> None:
    context = HookContext(names={"optax": "ox"}, callee=name)
    written = rewritten("Short(params=model.parameters(), weight_decay=0.1, lr=0.05)", context)
    plain = rewritten(constructor(name, "weight_decay=0.1, lr=0.05"))
    assert written == plain.replace("optax.", "ox.")
    expected = torch_path(constructor(name, "weight_decay=0.1, lr=0.05"))
    moved = optax_path(written.replace("ox.", "optax."))
    np.testing.assert_allclose(moved, expected, rtol=1e-9, atol=1e-15)
