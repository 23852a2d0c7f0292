"""Each schedule that jaxport writes, run next to torch's: every argument, count by count."""

from __future__ import annotations

import ast
import inspect
import math
import string
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy
import numpy as np
import optax
import pytest
import torch

from jaxport.tables.schedules import JOINABLE, SCHEDULES, UNSUPPORTED, refusal, write

COUNTS = 60
TORCH = "torch.optim.lr_scheduler."
TRANSFORMERS = "transformers."
NAMES = {
    "rate": 0.02, "share": 0.6, "small": 1e-3, "steps": 7, "epochs": 3, "loader": range(20),
    "halve": lambda count: 0.5**count, "math": math, "args": [30, 0.7],
}  # fmt: skip

# Arguments to run, as source text after `optimizer`.
ARGUMENTS = {
    "StepLR": (
        "10", "7, 0.5", "step_size=1, gamma=share", "steps, 0.9", "10, 0.0", "10, gamma=0",
        "41, 1.0", "epochs * 4", "len(loader) // 3, gamma=1.5", "step_size=args[0], gamma=args[1]",
        "5, 0.5, -1", "100", "gamma=1 - 0.2, step_size=4",
    ),
    "MultiStepLR": (
        "[10, 30]", "(5, 6, 7), 0.5", "milestones=[20], gamma=share", "[0]", "[0, 1, 40], 0.7",
        "[], 0.5", "[3, 9], 0.0", "[3, 9], gamma=0", "[epochs * 5]", "[int(len(loader) * 0.5)]",
        "[3, 100], 1.5", "[10, 30], 0.1, last_epoch=-1",
    ),
    "ExponentialLR": (
        "0.9", "gamma=share", "1.0", "1", "1 - 0.05", "1.01", "gamma=0.95, last_epoch=-1",
    ),
    "CosineAnnealingLR": (
        "50", "T_max=1", "2", "7", "steps, small", "10, eta_min=0", "10, 0.0", "10, 0.05",
        "10, eta_min=0.3", "T_max=epochs * len(loader), eta_min=rate / 10", "100, 1e-5",
        "steps + 0.5", "10, 0.01, -1",
    ),
    "CosineAnnealingWarmRestarts": (
        "10", "T_0=1", "2", "steps, 1, small", "11, eta_min=0.01, T_mult=1", "epochs * 7, 1, 0",
        "100, 1, 0.0, -1",
    ),
    "LinearLR": (
        "", "0.1", "start_factor=0.01, total_iters=20", "1.0, 0.1, 30", "1, 0, 10", "1.0, 0.0, 10",
        "0.5, 0.25", "share, 1 - 0.2, steps", "0.3, total_iters=0", "total_iters=1",
        "0.1, 1, 41, last_epoch=-1", "end_factor=1, total_iters=len(loader)", "0.1, 0.1, 9",
    ),
    "ConstantLR": (
        "", "0.5", "share, 10", "factor=0.1, total_iters=1", "1.0, 7", "0.25, 100, -1", "1",
    ),
    "PolynomialLR": (
        "", "20", "20, 2.0", "total_iters=steps, power=0.9", "20, 1", "20, power=0.0", "1", "1, 3",
        "epochs * 10, 1 / 2", "41, 1.0, -1", "30, share", "100, 2", "41, 0.9", "7, 0.1", "30, 0",
    ),
    "LambdaLR": (
        "lambda e: 0.95 ** e", "lambda e: min(1.0, (e + 1) / 10)", "lambda e: 1 / (1 + 0.1 * e)",
        "lambda e: 1.0 if e < 10 else 0.1", "lr_lambda=halve", "lambda count: 2 ** -count",
        "lambda e: {0: 1.0, 7: 0.5}.get(e, 0.1)", "lambda e: (e + 1) * 500_000_000 / 4e9",
        "lambda e: 0.5 if isinstance(e, int) else 1.0", "lambda e: (e + 1) ** 12 / 60**12",
        "lambda e: 0.5 * (1 + math.cos(math.pi * e / 60)), -1", "lambda e: 0.1 ** (e // 41)",
        "lambda e: 0.0", "lambda e: (e + 1) ** -1", "lr_lambda=lambda m: 0.5 if m in {7} else 1",
        "lambda e: min((e + 1) ** -0.5, (e + 1) * 10 ** -1.5)",
    ),
    "OneCycleLR": (
        "0.1, 60, None, None, 0.3, 'cos', False, 0.85, 0.95, 25.0, 1e4, False, -1",
        *(f"{arguments}, cycle_momentum=False" for arguments in (
            "0.1, 60", "0.1, total_steps=20", "rate, epochs=3, steps_per_epoch=20", "0.1, 1",
            "0.1, 2", "0.1, 3", "0.1, 5", "0.1, 9, pct_start=0.9", "0.1, 7, pct_start=0.5",
            "0.1, None, epochs, len(loader), 0.25, 'linear'", "max_lr=0.1, total_steps=steps * 3",
            "0.1, 60, anneal_strategy=\"linear\"", "0.1, 60, anneal_strategy='cos'",
            "0.1, 40, epochs=2, steps_per_epoch=3", "0.1, 60, pct_start=0.0",
            "0.1, 60, pct_start=0.999", "0.1, 60, div_factor=10, final_div_factor=100",
            "0.1, 60, pct_start=share / 2, div_factor=1 / rate, final_div_factor=1.0",
            "0.1, 60, base_momentum=0.5, max_momentum=0.6, three_phase=False, last_epoch=-1",
        )),
    ),
    "get_constant_schedule": ("", "last_epoch=-1"),
    "get_constant_schedule_with_warmup": ("10", "num_warmup_steps=0", "steps, -1", "1", "6.5"),
    "get_linear_schedule_with_warmup": (
        "10, 60", "0, 60", "num_warmup_steps=steps, num_training_steps=epochs * 10", "1, 2",
        "0.1 * len(loader), 41", "6.5, 30", "10, 100, -1", "0, 1",
    ),
    "get_cosine_schedule_with_warmup": (
        "10, 60", "0, 60", "num_warmup_steps=steps, num_training_steps=epochs * 10", "1, 2",
        "0.1 * len(loader), 41", "6.5, 30", "10, 100, 0.5, -1", "0, 1", "5, 20, num_cycles=0.5",
    ),
}  # fmt: skip

RATES = ("0.1", "1e-2", "rate", "rate / 2", "2 * rate", "3")


# The formulas of transformers/optimization.py at 005edac, which gives each to a LambdaLR.
def constant_warmup(step: int, num_warmup_steps: float) -> float:
    return step / max(1.0, num_warmup_steps) if step < num_warmup_steps else 1.0


def linear_warmup(step: int, num_warmup_steps: float, num_training_steps: float) -> float:
    if step < num_warmup_steps:
        return step / max(1, num_warmup_steps)
    return max(0.0, (num_training_steps - step) / max(1, num_training_steps - num_warmup_steps))


def cosine_warmup(
    step: int, num_warmup_steps: float, num_training_steps: float, num_cycles: float = 0.5
) -> float:
    if step < num_warmup_steps:
        return step / max(1, num_warmup_steps)
    progress = (step - num_warmup_steps) / max(1, num_training_steps - num_warmup_steps)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * num_cycles * 2.0 * progress)))


FORMULAS: dict[str, Callable[..., float]] = {
    "get_constant_schedule": lambda step: 1.0,
    "get_constant_schedule_with_warmup": constant_warmup,
    "get_linear_schedule_with_warmup": linear_warmup,
    "get_cosine_schedule_with_warmup": cosine_warmup,
}


def short(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def full(name: str) -> str:
    return (TRANSFORMERS if name in FORMULAS else TORCH) + name


def cases() -> Iterator[tuple[str, str]]:
    return ((full(name), text) for name, texts in ARGUMENTS.items() for text in texts)


def texts_by_name(name: str, arguments: str) -> dict[str, str]:
    call = ast.parse(f"f({arguments})", mode="eval").body
    assert isinstance(call, ast.Call)
    named = dict(zip(SCHEDULES[name].positional, map(ast.unparse, call.args), strict=False))
    return named | {item.arg: ast.unparse(item.value) for item in call.keywords if item.arg}


def written(name: str, arguments: str, lr: str = "0.1", bounded: bool = False) -> str:
    texts = texts_by_name(name, arguments)
    assert refusal(name, texts, lr) is None
    text = write(name, texts, lr, bounded)
    assert text is not None and "torch" not in text
    return text


def value(text: str) -> Any:
    return eval(text, {"optax": optax, "jax": jax, **NAMES})


def torch_scheduler(name: str, arguments: str, optimizer: torch.optim.Optimizer) -> Any:
    scope = {"torch": torch, "optimizer": optimizer, **NAMES}
    if short(name) not in FORMULAS:
        return eval(f"{name}(optimizer, {arguments})", scope)
    given = {key: value(text) for key, text in texts_by_name(name, arguments).items()}
    given.pop("last_epoch", None)
    formula = FORMULAS[short(name)]
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: formula(step, **given))


def rates(optimizer: torch.optim.Optimizer, scheduler: Any, counts: int = COUNTS) -> Any:
    """The learning rate of each step; torch's one-cycle has no more than its total_steps."""
    seen = []
    for _ in range(min(counts, getattr(scheduler, "total_steps", counts))):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(seen, dtype=float)


def torch_rates(name: str, arguments: str, lr: str = "0.1", counts: int = COUNTS) -> Any:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=value(lr))
    return rates(optimizer, torch_scheduler(name, arguments, optimizer), counts)


def optax_rates(text: str, counts: int) -> Any:
    schedule = value(text)
    if "int(count)" in text:
        return np.array([schedule(count) for count in jax.numpy.arange(counts)])
    # All counts at once, for speed; the one that sums over its phases needs `jax.vmap` for that.
    if "interpolate" in text:
        schedule = jax.vmap(schedule)
    return np.broadcast_to(schedule(jax.numpy.arange(COUNTS)), COUNTS)[:counts]


@pytest.fixture
def x64() -> Iterator[None]:
    """JAX computes in float64, as torch does here, for one test only."""
    with jax.enable_x64(True):
        yield


def assert_same(got: Any, expected: Any, relative: float = 1e-9) -> None:
    """Near 0 of the largest rate: there torch adds up roundings of its recursive formulas."""
    np.testing.assert_allclose(got, expected, rtol=relative, atol=relative * expected.max())


@pytest.mark.parametrize(("name", "arguments"), list(cases()))
def test_optax_has_the_learning_rates_of_torch(name: str, arguments: str, x64: None) -> None:
    expected = torch_rates(name, arguments)
    assert_same(optax_rates(written(name, arguments), len(expected)), expected)


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_every_learning_rate_is_taken_over(name: str, lr: str, x64: None) -> None:
    arguments = ARGUMENTS[name][0]
    expected = torch_rates(full(name), arguments, lr)
    assert_same(optax_rates(written(full(name), arguments, lr), len(expected)), expected)


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() - {"LambdaLR"}))
def test_it_holds_in_float32_and_compiled_as_well(name: str) -> None:
    schedules = [jax.vmap(value(written(full(name), text))) for text in ARGUMENTS[name]]
    compiled = jax.jit(lambda counts: [schedule(counts) for schedule in schedules])
    for text, got in zip(ARGUMENTS[name], compiled(jax.numpy.arange(COUNTS)), strict=True):
        expected = torch_rates(full(name), text)
        # The cosine loses digits where it is near -1: of the largest rate, not of each.
        assert_same(got[: len(expected)], expected, 1e-6)


def test_the_function_of_a_lambda_schedule_runs_in_python_or_not_at_all() -> None:
    for text in ARGUMENTS["LambdaLR"]:
        with pytest.raises(jax.errors.ConcretizationTypeError):
            jax.jit(value(written(TORCH + "LambdaLR", text)))(0)


@pytest.mark.parametrize(("step_size", "counts"), [(41, 700), (47, 700), (55, 900), (3907, 8000)])
def test_steps_fall_on_their_count_when_compiled(step_size: int, counts: int) -> None:
    expected = torch_rates(TORCH + "StepLR", f"{step_size}, 0.7", counts=counts)
    schedule = value(written(TORCH + "StepLR", f"{step_size}, 0.7"))
    np.testing.assert_allclose(jax.jit(jax.vmap(schedule))(np.arange(counts)), expected, rtol=1e-5)


def test_bounded_templates_are_exact_up_to_their_bound(x64: None) -> None:
    ran = 0
    for name, arguments in cases():
        row = SCHEDULES[name]
        if row.bound:
            last = value(texts_by_name(name, arguments)[row.bound])
            text = written(name, arguments, bounded=True)
            assert text.startswith("optax.") and "lambda" not in text
            expected = torch_rates(name, arguments)[: math.floor(last) + 1]
            assert_same(optax_rates(text, len(expected)), expected)
            ran += 1
    assert ran > 15


@pytest.mark.parametrize("name", ["CosineAnnealingLR", "get_cosine_schedule_with_warmup"])
def test_after_its_bound_a_bounded_template_is_wrong(name: str) -> None:
    arguments = "30" if name == "CosineAnnealingLR" else "0, 30"
    got = optax_rates(written(full(name), arguments, bounded=True), COUNTS)
    assert got[-1] == 0 < 0.09 < torch_rates(full(name), arguments)[-1]


@pytest.mark.parametrize("first", sorted(JOINABLE))
@pytest.mark.parametrize("second", sorted(JOINABLE))
def test_any_two_schedules_follow_each_other(first: str, second: str, x64: None) -> None:
    parts = [(first, ARGUMENTS[short(first)][1]), (second, ARGUMENTS[short(second)][1])]
    for milestones in ("[0]", "[1]", "[steps]", "[len(loader) + 1]"):
        assert_joined(parts, milestones)


def test_more_than_two_schedules_follow_each_other(x64: None) -> None:
    warmup = (TORCH + "LinearLR", "0.1, total_iters=5")
    cosine = (TORCH + "CosineAnnealingLR", "20, 0.01")
    rest = (TORCH + "ConstantLR", "0.2, 100")
    assert_joined([warmup, cosine, rest], "[5, 25]")
    assert_joined([warmup, cosine, rest, warmup], "(3, 20, 40)")
    assert_joined([cosine], "[]")


def assert_joined(parts: list[tuple[str, str]], milestones: str) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.SequentialLR(
        optimizer, [torch_scheduler(*part, optimizer) for part in parts], value(milestones)
    )
    schedules = ", ".join(written(*part) for part in parts)
    text = written(TORCH + "SequentialLR", f"[{schedules}], {milestones}")
    assert_same(optax_rates(text, COUNTS), rates(optimizer, scheduler))


@pytest.mark.parametrize(
    "name", ["StepLR", "CosineAnnealingLR", "LinearLR", "LambdaLR", "OneCycleLR"]
)
def test_thirty_steps_of_sgd_end_where_torch_ends(name: str, x64: None) -> None:
    name, arguments = full(name), ARGUMENTS[name][0]
    target = np.linspace(-1.0, 1.0, 4)
    weight = torch.nn.Parameter(torch.ones(4, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    scheduler = torch_scheduler(name, arguments, optimizer)
    tx = optax.sgd(value(written(name, arguments)), momentum=0.9)
    params = jax.numpy.ones(4)
    opt_state = tx.init(params)
    for _ in range(30):
        optimizer.zero_grad()
        loss: Any = ((weight - torch.tensor(target)) ** 2).sum()
        loss.backward()
        optimizer.step()
        scheduler.step()
        grads = 2 * (params - target)
        updates, opt_state = tx.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        # Optax counts in int32, and JAX makes float32 of that where it divides.
        np.testing.assert_allclose(params, weight.detach().numpy(), rtol=1e-5)


def test_every_torch_scheduler_is_either_written_or_explained() -> None:
    module = torch.optim.lr_scheduler
    base = (module.LRScheduler, module.ReduceLROnPlateau)
    classes = {
        TORCH + name
        for name, item in vars(module).items()
        if inspect.isclass(item) and issubclass(item, base)
    }
    classes.add(f"{torch.optim.swa_utils.SWALR.__module__}.SWALR")
    rows = {name for name in SCHEDULES if name.startswith("torch.")}
    assert classes == rows | set(UNSUPPORTED)
    assert not rows & set(UNSUPPORTED)
    assert all(refusal(name, {}, "0.1") == reason for name, reason in UNSUPPORTED.items())


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name.startswith("torch.")])
def test_arguments_and_defaults_are_those_of_torch(name: str) -> None:
    row = SCHEDULES[name]
    first, *parameters = inspect.signature(eval(name)).parameters.values()
    assert first.name == "optimizer"
    assert [item.name for item in parameters] == list(row.positional)
    given = {item.name: item.default for item in parameters if item.default is not item.empty}
    assert {key: value(text) for key, text in row.defaults.items()} == given


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_argument_is_written_or_refused(name: str) -> None:
    row = SCHEDULES[name]
    replacements = [new for _, changes in row.special.values() for new in changes.values()]
    known = {"lr", *row.refuse}
    for template in (row.template, *replacements):
        known |= {key for _, key, _, _ in string.Formatter().parse(template) if key}
    # Momentum cycles between these two, which is refused.
    known |= {"base_momentum", "max_momentum"} if short(name) == "OneCycleLR" else set()
    assert known == {"lr", *row.positional}
    assert set(row.special) | set(row.only) <= set(row.positional)
    assert bool(row.bounded) == bool(row.bound) and row.bound in ("", *row.positional)


def test_every_row_and_every_argument_is_run() -> None:
    assert {*map(full, ARGUMENTS), TORCH + "SequentialLR"} == {
        name for name in SCHEDULES if not name.startswith("transformers.optimization.")
    }
    for name, row in SCHEDULES.items():
        if short(name) in ARGUMENTS:
            name = full(short(name))
            run = {key for n, text in cases() if n == name for key in texts_by_name(n, text)}
            assert run == set(row.positional)


def test_both_homes_of_the_transformers_functions_are_known() -> None:
    for name in FORMULAS:
        assert SCHEDULES[f"transformers.{name}"] is SCHEDULES[f"transformers.optimization.{name}"]


def refused() -> Iterator[tuple[str, str]]:
    for name, (first, *_) in ARGUMENTS.items():
        for wrong in ("no_such_argument=1", "last_epoch=5", "last_epoch=unknown"):
            yield name, ", ".join(filter(None, [first, wrong]))
    for size in ("2.5", "epochs / 3", "-5", "-5 / 2", "10.0", "2 * 1.5", "True", "'10'", "None"):
        yield "StepLR", size
        yield "LinearLR", f"total_iters={size}"
        yield "PolynomialLR", size
        yield "ConstantLR", f"total_iters={size}"
    for count in ("0", "steps", "len(loader)"):
        yield "ConstantLR", f"total_iters={count}"
    for milestones in (
        "[10, 10]", "[30, 10]", "[-1]", "[2.5]", "[epochs / 2]", "[steps, 2 * steps]", "milestones",
        "[*milestones]", "range(10)", "{10, 20}", "[m for m in (1, 2)]", "None",
    ):  # fmt: skip
        yield "MultiStepLR", milestones
        yield "SequentialLR", f"[a, b], {milestones}"
    for lr_lambda in ("[halve]", "(halve, halve)", "[halve for _ in range(2)]", "None", ""):
        yield "LambdaLR", lr_lambda
    for mult in ("2", "steps", "1 + 1"):
        yield "CosineAnnealingWarmRestarts", f"10, {mult}"
    for wrong in (
        "cycle_momentum=True", "cycle_momentum=unknown", "three_phase=True", "three_phase=unknown",
        "anneal_strategy=unknown", "pct_start=1.0", "pct_start=1",
    ):  # fmt: skip
        start = "0.1, 60" if wrong.startswith("cycle") else "0.1, 60, cycle_momentum=False"
        yield "OneCycleLR", f"{start}, {wrong}"
    yield "OneCycleLR", "0.1, 60"
    yield "OneCycleLR", "0.1, cycle_momentum=False"
    yield "OneCycleLR", "0.1, epochs=3, cycle_momentum=False"
    yield "OneCycleLR", "0.1, steps_per_epoch=3, epochs=None, cycle_momentum=False"
    yield "OneCycleLR", "[0.1, 0.2], 60, cycle_momentum=False"
    for name in ("StepLR", "PolynomialLR"):
        yield name, "0"
    yield "ExponentialLR", "0"
    yield "ExponentialLR", "gamma=0.0"
    yield "get_cosine_schedule_with_warmup", "10, 60, 1.5"
    yield "get_cosine_schedule_with_warmup", "10, 60, num_cycles=unknown"
    # A template's own variables would hide these.
    yield "StepLR", "count"
    yield "StepLR", "10, gamma=1 - count"
    yield "MultiStepLR", "[10, 20], m"
    yield "LambdaLR", "lambda e: e / count"
    for name in ("StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR"):
        yield name, ""


@pytest.mark.parametrize(("name", "arguments"), list(refused()))
def test_what_would_differ_is_refused_with_a_reason(name: str, arguments: str) -> None:
    texts = texts_by_name(full(name), arguments)
    assert refusal(full(name), texts, "0.1")
    assert write(full(name), texts, "0.1") is None
    assert write(full(name), texts, "0.1", bounded=True) is None


def test_an_unknown_scheduler_or_a_learning_rate_that_would_be_hidden_is_refused() -> None:
    assert write("torch.optim.lr_scheduler.Unknown", {}, "0.1") is None
    assert write(TORCH + "CyclicLR", {"base_lr": "0.1", "max_lr": "1.0"}, "0.1") is None
    assert write(TORCH + "StepLR", {"step_size": "10"}, "count") is None
    assert write(TORCH + "StepLR", {"step_size": "10"}, "args.count") is not None


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("StepLR", "30", "lambda count: 0.1 * 0.1 ** (count // 30)"),
        (
            "MultiStepLR", "[30, 80]",
            "optax.piecewise_constant_schedule(0.1, {m: 0.1 for m in [30, 80]})",
        ),
        (
            "CosineAnnealingLR", "50",
            "lambda count: 0.1 * (1 + jax.numpy.cos(jax.numpy.pi * (count % (2 * 50)) / 50)) / 2",
        ),
        ("PolynomialLR", "9", "optax.linear_schedule(0.1, 0.0, transition_steps=9)"),
        (
            "LinearLR", "0.01, total_iters=epochs * 5",
            "optax.linear_schedule(0.1 * 0.01, 0.1, transition_steps=(epochs * 5))",
        ),
    ],
)  # fmt: skip
def test_it_reads_like_this(name: str, arguments: str, text: str) -> None:
    assert written(TORCH + name, arguments) == text


def test_bounded_cosine_reads_like_this() -> None:
    text = written(TORCH + "CosineAnnealingLR", "50", bounded=True)
    assert text == "optax.cosine_decay_schedule(0.1, decay_steps=50)"


def test_why_the_plain_optax_schedules_are_not_used() -> None:
    """Should one of these ever fail, Optax got closer to torch and the table can be simpler."""
    late = jax.jit(optax.exponential_decay(1.0, 41, 0.1, staircase=True))
    assert [round(float(late(count)), 3) for count in (40, 41, 42)] == [1.0, 1.0, 0.1]
    assert optax.exponential_decay(1.0, 1, 0.0)(9) == 1.0
    assert optax.warmup_constant_schedule(0.0, 0.1, 0)(9) == 0.0
    # The peak is at count 5.
    expected = torch_rates(TORCH + "OneCycleLR", "0.1, 20, cycle_momentum=False")
    assert float(optax.cosine_onecycle_schedule(20, 0.1)(5)) < 0.094 < expected[5]
    lost = jax.jit(lambda count: 2**-count)
    assert lost(7) == 0 and (jax.numpy.int32(7) + 1) * 500_000_000 < 0
