"""torch learning-rate schedulers and the Optax schedules that give the same learning rates.

Count 0 is the first step of the optimizer, count k the step after k calls of `scheduler.step()`.
Every row is executed against torch in the tests. What is not exact is not a row: the reason
stands in `UNSUPPORTED`.

What no row can see, the caller checks: `step()` is called once per optimizer step and without an
epoch, nothing else sets the learning rate, and all parameter groups have the same one. A template
may name an argument twice, and a `lambda` evaluates it at each count where torch did so once:
what stands in it keeps its value and has no side effects.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from jaxport.records import field, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import symtable


@record(frozen=True)
class Schedule:
    """How one torch scheduler is written as a callable from count to learning rate.

    Args:
        positional: torch's parameters in order, after `optimizer`.
        defaults: torch's defaults as source text.
        template: source with `{lr}` and `{argument}` fields, exact for every count at which torch
            has a learning rate.
        bounded: what a reader of Optax expects instead, exact while no count exceeds `bound`.
        bound: the argument that is this last count.
        special: argument to source texts, and what to replace in the template for these.
        refuse: argument to the source texts that change nothing, with the reason why others can't
            be written.
        only: argument to a check of its source text, and what has to be true of it. The check
            lets names pass, whose value it can't know.
    """

    positional: tuple[str, ...]
    defaults: Mapping[str, str]
    template: str
    bounded: str = ""
    bound: str = ""
    special: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = field(default_factory=dict)
    refuse: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    only: Mapping[str, tuple[Callable[[str], bool], str]] = field(default_factory=dict)


def _node(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _value(node: ast.expr) -> object:
    """The value of a literal; `...` for what shows only at run time."""
    try:
        return ast.literal_eval(node)
    except (TypeError, ValueError):
        return ...


def _whole_node(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return (
            not isinstance(node.op, ast.Div) and _whole_node(node.left) and _whole_node(node.right)
        )
    value = _value(node)
    return value is ... or (type(value) is int and value >= 0)


def _whole(text: str) -> bool:
    """torch compares counts with `==` or `%` here, so that fractions are never reached."""
    return _whole_node(_node(text))


def _positive(text: str) -> bool:
    value = _value(_node(text))
    return type(value) is int and value > 0


def _not_zero(text: str) -> bool:
    return _value(_node(text)) != 0


def _below_one(text: str) -> bool:
    value = _value(_node(text))
    return value is ... or (isinstance(value, float) and value < 1)


def _increasing(text: str) -> bool:
    """A name may hide equal entries, of which a dictionary keeps one and torch all."""
    node = _node(text)
    if not isinstance(node, ast.List | ast.Tuple):
        return False
    if len(node.elts) == 1 and not isinstance(node.elts[0], ast.Starred):
        return _whole_node(node.elts[0])
    values = [_value(item) for item in node.elts]
    numbers = [value for value in values if type(value) is int and value >= 0]
    return len(numbers) == len(values) and numbers == sorted(set(numbers))


def _single(text: str) -> bool:
    return not isinstance(_node(text), ast.List | ast.Tuple | ast.ListComp)


_RESUMED = {"last_epoch": (("-1",), "it resumes an earlier run, and counts start at 0")}
_WHOLE = (_whole, "a whole number that is not negative")
_COUNT = (lambda text: _whole(text) and _not_zero(text), "a whole number above 0")
_MILESTONES = (_increasing, "a list of different whole numbers in increasing order")
_ONE_GROUP = (_single, "the same for all parameter groups")
_ZERO = ("0", "0.0")
_ONE = ("1", "1.0")

_POLYNOMIAL = (
    "lambda count: {lr} * (jax.numpy.maximum({total_iters} - count, 0) / {total_iters}) ** {power}"
)

_TORCH = {
    # `optax.exponential_decay(..., staircase=True)` divides in float32. Compiled by XLA it is one
    # count late at 41, 47, 55, 61, ... and their multiples. `//` on integers never is.
    "StepLR": Schedule(
        ("step_size", "gamma", "last_epoch"),
        {"gamma": "0.1", "last_epoch": "-1"},
        "lambda count: {lr} * {gamma} ** (count // {step_size})",
        refuse=_RESUMED,
        only={"step_size": _COUNT},
    ),
    "MultiStepLR": Schedule(
        ("milestones", "gamma", "last_epoch"),
        {"gamma": "0.1", "last_epoch": "-1"},
        "optax.piecewise_constant_schedule({lr}, {{m: {gamma} for m in {milestones}}})",
        refuse=_RESUMED,
        only={"milestones": _MILESTONES},
    ),
    "ExponentialLR": Schedule(
        ("gamma", "last_epoch"),
        {"last_epoch": "-1"},
        "optax.exponential_decay({lr}, transition_steps=1, decay_rate={gamma})",
        refuse=_RESUMED,
        only={"gamma": (_not_zero, "not 0, which `optax.exponential_decay` takes for no decay")},
    ),
    # After T_max torch goes up again, `optax.cosine_decay_schedule` stays at the minimum.
    # `%`, because float32 has few digits left for the cosine of a large number.
    "CosineAnnealingLR": Schedule(
        ("T_max", "eta_min", "last_epoch"),
        {"eta_min": "0.0", "last_epoch": "-1"},
        "lambda count: {eta_min} + ({lr} - {eta_min})"
        " * (1 + jax.numpy.cos(jax.numpy.pi * (count % (2 * {T_max})) / {T_max})) / 2",
        bounded="optax.cosine_decay_schedule({lr}, decay_steps={T_max}, alpha={eta_min} / {lr})",
        bound="T_max",
        special={
            "eta_min": (
                _ZERO,
                {"{eta_min} + ({lr} - {eta_min})": "{lr}", ", alpha={eta_min} / {lr}": ""},
            )
        },
        refuse=_RESUMED,
    ),
    "CosineAnnealingWarmRestarts": Schedule(
        ("T_0", "T_mult", "eta_min", "last_epoch"),
        {"T_mult": "1", "eta_min": "0.0", "last_epoch": "-1"},
        "lambda count: optax.cosine_decay_schedule("
        "{lr}, decay_steps={T_0}, alpha={eta_min} / {lr})(count % {T_0})",
        special={"eta_min": (_ZERO, {", alpha={eta_min} / {lr}": ""})},
        refuse={
            "T_mult": (("1",), "`optax.sgdr_schedule` has a given number of cycles, torch has not"),
            **_RESUMED,
        },
    ),
    # With total_iters=0 both stay at the start.
    "LinearLR": Schedule(
        ("start_factor", "end_factor", "total_iters", "last_epoch"),
        {
            "start_factor": "1.0 / 3",
            "end_factor": "1.0",
            "total_iters": "5",
            "last_epoch": "-1",
        },
        "optax.linear_schedule("
        "{lr} * {start_factor}, {lr} * {end_factor}, transition_steps={total_iters})",
        special={
            "start_factor": (_ONE, {"{lr} * {start_factor}": "{lr}"}),
            "end_factor": (_ONE, {"{lr} * {end_factor}": "{lr}"}),
        },
        refuse=_RESUMED,
        only={"total_iters": _WHOLE},
    ),
    # With total_iters=0, as a run without warm-up gives it, torch keeps the factor for ever.
    "ConstantLR": Schedule(
        ("factor", "total_iters", "last_epoch"),
        {"factor": "1.0 / 3", "total_iters": "5", "last_epoch": "-1"},
        "optax.join_schedules([optax.constant_schedule({lr} * {factor}),"
        " optax.constant_schedule({lr})], [{total_iters}])",
        refuse=_RESUMED,
        only={"total_iters": (_positive, "a literal above 0: with 0 torch keeps the factor")},
    ),
    # `optax.polynomial_schedule` takes the power of 1 - count / total_iters. Compiled, this ends
    # at -6e-8 for 7 or 30, of which power=0.9 makes NaN. The whole numbers here end at 0.
    "PolynomialLR": Schedule(
        ("total_iters", "power", "last_epoch"),
        {"total_iters": "5", "power": "1.0", "last_epoch": "-1"},
        _POLYNOMIAL,
        special={
            "power": (
                _ONE,
                {_POLYNOMIAL: "optax.linear_schedule({lr}, 0.0, transition_steps={total_iters})"},
            )
        },
        refuse=_RESUMED,
        only={"total_iters": _COUNT},
    ),
    # `int`, because an int32 array overflows without a word, `2 ** -count` is 0 under `jax.jit`,
    # and no dictionary or `isinstance(.., int)` knows it. With `int`, `jax.jit` raises instead.
    "LambdaLR": Schedule(
        ("lr_lambda", "last_epoch"),
        {"last_epoch": "-1"},
        "lambda count: {lr} * {lr_lambda}(int(count))",
        refuse=_RESUMED,
        only={"lr_lambda": _ONE_GROUP},
    ),
    # torch's peak is at pct_start * total_steps - 1 and its end at total_steps - 1;
    # `optax.cosine_onecycle_schedule` has both one count later, and the peak rounded down.
    # Exact for the total_steps counts of a cycle; torch raises after them, Optax stays at the end.
    "OneCycleLR": Schedule(
        (
            "max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start", "anneal_strategy",
            "cycle_momentum", "base_momentum", "max_momentum", "div_factor", "final_div_factor",
            "three_phase", "last_epoch",
        ),
        {
            "total_steps": "None", "epochs": "None", "steps_per_epoch": "None",
            "pct_start": "0.3", "anneal_strategy": "'cos'", "cycle_momentum": "True",
            "base_momentum": "0.85", "max_momentum": "0.95", "div_factor": "25.0",
            "final_div_factor": "10000.0", "three_phase": "False", "last_epoch": "-1",
        },
        "optax.piecewise_interpolate_schedule('cosine', {max_lr} / {div_factor}, {{"
        "{pct_start} * {total_steps} - 1: {div_factor}, "
        "{total_steps} - 1: 1 / ({div_factor} * {final_div_factor})}})",
        special={
            "total_steps": (("None",), {"{total_steps}": "({epochs} * {steps_per_epoch})"}),
            "anneal_strategy": (("'linear'",), {"cosine": "linear"}),
        },
        refuse={
            "cycle_momentum": (("False",), "Optax schedules the learning rate, not the momentum"),
            "anneal_strategy": (("'cos'", "'linear'"), "which strategy it is shows at run time"),
            "three_phase": (("False",), "Optax interpolates a phase below one step otherwise"),
            **_RESUMED,
        },
        only={
            "max_lr": _ONE_GROUP,
            "pct_start": (_below_one, "below 1: at 1 the peak and the end are the same count"),
        },
    ),
    # The caller writes the schedulers of the list first, each by its own row in `JOINABLE`.
    "SequentialLR": Schedule(
        ("schedulers", "milestones", "last_epoch"),
        {"last_epoch": "-1"},
        "optax.join_schedules({schedulers}, {milestones})",
        refuse=_RESUMED,
        only={"milestones": _MILESTONES},
    ),
}  # fmt: skip

# OneCycleLR overwrites the learning rate that the others start from. LambdaLR is out because
# `optax.join_schedules` calls each schedule at each count, before its start with negative ones.
_JOINABLE = _TORCH.keys() - {"LambdaLR", "OneCycleLR", "SequentialLR"}

# Not `optax.warmup_constant_schedule`: without warm-up steps it stays at 0.
_WARMUP = "optax.linear_schedule(0.0, {lr}, transition_steps={num_warmup_steps})"
_STEPS = "{num_training_steps} - {num_warmup_steps}"

_TRANSFORMERS = {
    "get_constant_schedule": Schedule(
        ("last_epoch",),
        {"last_epoch": "-1"},
        "optax.constant_schedule({lr})",
        refuse=_RESUMED,
    ),
    "get_constant_schedule_with_warmup": Schedule(
        ("num_warmup_steps", "last_epoch"),
        {"last_epoch": "-1"},
        f"optax.join_schedules([{_WARMUP}, optax.constant_schedule({{lr}})], "
        "[{num_warmup_steps}])",
        refuse=_RESUMED,
    ),
    # Should the warm-up be as long as the training or longer, the counts after both differ:
    # torch is at 0, Optax at the full learning rate.
    "get_linear_schedule_with_warmup": Schedule(
        ("num_warmup_steps", "num_training_steps", "last_epoch"),
        {"last_epoch": "-1"},
        f"optax.join_schedules([{_WARMUP}, "
        f"optax.linear_schedule({{lr}}, 0.0, transition_steps={_STEPS})], [{{num_warmup_steps}}])",
        refuse=_RESUMED,
    ),
    # After num_training_steps it goes up again, as CosineAnnealingLR does.
    "get_cosine_schedule_with_warmup": Schedule(
        ("num_warmup_steps", "num_training_steps", "num_cycles", "last_epoch"),
        {"num_cycles": "0.5", "last_epoch": "-1"},
        f"optax.join_schedules([{_WARMUP}, lambda count: "
        f"{{lr}} * (1 + jax.numpy.cos(jax.numpy.pi * count / max(1, {_STEPS}))) / 2], "
        "[{num_warmup_steps}])",
        bounded="optax.warmup_cosine_decay_schedule("
        "0.0, {lr}, warmup_steps={num_warmup_steps}, decay_steps={num_training_steps})",
        bound="num_training_steps",
        refuse={
            "num_cycles": (("0.5",), "`optax.warmup_cosine_decay_schedule` has half a wave"),
            **_RESUMED,
        },
    ),
}

SCHEDULES: Mapping[str, Schedule] = {
    **{f"torch.optim.lr_scheduler.{name}": row for name, row in _TORCH.items()},
    **{
        f"{module}.{name}": row
        for module in ("transformers", "transformers.optimization")
        for name, row in _TRANSFORMERS.items()
    },
}

JOINABLE = frozenset(f"torch.optim.lr_scheduler.{name}" for name in _JOINABLE)

_RUN_TIME = "which scheduler it is shows only at run time"

UNSUPPORTED: Mapping[str, str] = {
    "torch.optim.lr_scheduler.ReduceLROnPlateau": "it follows a metric, a schedule only the count",
    "torch.optim.lr_scheduler.CyclicLR": "Optax has no cyclic schedule, nor one for the momentum",
    "torch.optim.lr_scheduler.MultiplicativeLR": "it multiplies up what its function gave before",
    "torch.optim.lr_scheduler.ChainedScheduler": "Optax has no product of schedules",
    "torch.optim.lr_scheduler.LRScheduler": _RUN_TIME,
    "torch.optim.lr_scheduler._LRScheduler": _RUN_TIME,
    "torch.optim.swa_utils.SWALR": "it starts from the learning rate that it finds",
}


# Variables of the templates; one of the same name in an argument would become this one.
_BOUND = frozenset({"count", "m"})


def _outer_names(table: symtable.SymbolTable) -> set[str]:
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return names.union(*map(_outer_names, table.get_children()))


# The last parts of their names, to look for.
NAMES = frozenset(name.rsplit(".", 1)[-1] for name in (*SCHEDULES, *UNSUPPORTED))


def is_scheduler(name: str) -> bool:
    """Whether `name` makes a scheduler of an optimizer's learning rate."""
    return name in SCHEDULES or name in UNSUPPORTED or name.startswith("torch.optim.lr_scheduler.")


def _canonical(text: str) -> str:
    return ast.unparse(_node(text))


def _closed(text: str) -> str:
    """`text` in parentheses, unless an operator can stand next to it as it is."""
    text, node = text.strip(), _node(text)
    atoms = ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant | ast.List
    parenthesised = isinstance(node, ast.Tuple) or node.col_offset > 0
    return text if isinstance(node, atoms) or parenthesised else f"({text})"


def _template(row: Schedule, texts: Mapping[str, str], bounded: bool) -> str:
    template = (bounded and row.bounded) or row.template
    for argument, (values, replacements) in row.special.items():
        if argument in texts and _canonical(texts[argument]) in values:
            for old, new in replacements.items():
                template = template.replace(old, new)
    return template


def refusal(name: str, arguments: Mapping[str, str], lr: str) -> str | None:
    """Why the scheduler `name` can't be written with these arguments, if so."""
    import string
    import symtable

    row = SCHEDULES.get(name)
    if row is None:
        return UNSUPPORTED.get(name, "jaxport doesn't know this scheduler")
    texts = {**row.defaults, **arguments}
    for argument, text in texts.items():
        if argument not in row.positional:
            return f"jaxport doesn't know the argument `{argument}`"
        neutral, reason = row.refuse.get(argument, ((), ""))
        if reason and _canonical(text) not in neutral:
            return f"`{argument}={text}`: {reason}"
        check, wanted = row.only.get(argument, (None, ""))
        if check and not check(text):
            return f"`{argument}={text}`: it has to be {wanted}"
    texts["lr"] = lr
    template = _template(row, texts, bounded=False)
    for name in [name for _, name, _, _ in string.Formatter().parse(template) if name]:
        text = texts.get(name, "None").strip()
        # torch's None is "not given" as well.
        if text == "None":
            return f"`{name}` is not given"
        if _BOUND & _outer_names(symtable.symtable(text, "<argument>", "eval")):
            return f"`{text}`: the schedule has its own variable of this name"
    return None


def write(name: str, arguments: Mapping[str, str], lr: str, bounded: bool = False) -> str | None:
    """The Optax schedule for the scheduler `name`, or None where `refusal` has a reason.

    Args:
        name: full name of the scheduler.
        arguments: source text by the name of the argument, without `optimizer`.
        lr: source text of the optimizer's learning rate.
        bounded: whether it is proven that no count exceeds the row's `bound`.
    """
    if refusal(name, arguments, lr) is not None:
        return None
    row = SCHEDULES[name]
    texts = {**row.defaults, **arguments, "lr": lr}
    fields = {argument: _closed(text) for argument, text in texts.items()}
    return _template(row, texts, bounded).format_map(fields)
