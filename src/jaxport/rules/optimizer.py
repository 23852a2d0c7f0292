"""JXP201, JXP202 and JXP203: one optimizer's constructor, steps and `zero_grad`s."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jaxport.findings import ESCAPE, Finding, Rewrite
from jaxport.records import replace
from jaxport.rules import Example, File, Rule, Trigger, method
from jaxport.rules._training import edition_of
from jaxport.semantics.values import Evidence, Instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.semantics.optimizer import Optimizer


def _constructors(file: File) -> Iterator[Finding]:
    from jaxport.semantics.optimizer import qualified_constructor

    for optimizer in file.optimizers:
        for call in optimizer.constructors:
            name = qualified_constructor(file.model, call)
            message = f"`{name}` is a gradient transformation in Optax"
            if optimizer.blocker:
                yield file.leave("JXP201", call, message, optimizer.blocker)
                continue
            edition = edition_of(
                optimizer, call, "transform_optimizer_init", "Make it with Optax", "optax",
                callee=name,
            )  # fmt: skip
            yield file.report("JXP201", call, message, edition)


def _steps(file: File) -> Iterator[Finding]:
    message = "`step` is `update` and `apply_updates` in Optax"
    if "step" not in file.methods:
        return
    for optimizer in file.optimizers:
        for call in optimizer.steps:
            if optimizer.blocker:
                yield _escaped(file, call, message, optimizer)
                continue
            edition = edition_of(
                optimizer, call, "transform_optimizer_step", "Update the parameters with Optax",
                "optax",
            )  # fmt: skip
            yield file.report("JXP202", call, message, edition)
    for call, receiver in file.calls_of("step"):
        if any(
            isinstance(value, Instance) and getattr(value.of, "name", "").endswith("GradScaler")
            for value in file.model.infer(receiver)
        ):
            reason = "the loss is scaled for half precision, which Optax leaves to you"
            yield file.leave("JXP202", call, message, reason)


def _escaped(file: File, call: ast.Call, message: str, optimizer: Optimizer) -> Finding:
    left = file.leave("JXP202", call, message, optimizer.blocker)
    lines = file.model.source.lines
    row = file.model.walk.statement(call).lineno
    above = lines[row - 2] if row > 1 else ""
    alone = isinstance(file.parent(call), ast.Expr) and not above.rstrip("\r\n").endswith("\\")
    if not alone or ESCAPE in above or optimizer.evidence is Evidence.NAME:
        return left
    # Line numbers would be wrong as soon as somebody edits the file.
    reason = re.sub(r" in line \d+", "", optimizer.blocker)
    comment = "Say in a comment why it stays"
    return replace(
        left, rewrite=Rewrite("transform_optimizer_step", "safe", comment, escape=reason)
    )


def _zero_grads(file: File) -> Iterator[Finding]:
    message = "`zero_grad` has no counterpart: JAX does not accumulate gradients"
    known: set[ast.Call] = set()
    if "zero_grad" not in file.methods:
        return
    for optimizer in file.optimizers:
        for call in optimizer.zero_grads:
            known.add(call)
            if optimizer.blocker:
                yield file.leave("JXP203", call, message, optimizer.blocker)
                continue
            edition = edition_of(optimizer, call, "strip_zero_grad", "Remove it")
            yield file.report("JXP203", call, message, edition)
    for call, receiver in file.calls_of("zero_grad"):
        if call not in known and file.model.has_gradients(receiver):
            reason = "it belongs to a training step that can't be seen to be ported"
            yield file.leave("JXP203", call, message, reason)


_TORCH = "import torch\n\nmodel = torch.nn.Linear(2, 1)\n"
_HALF = (
    "import jax\nimport optax\nimport torch\nfrom flax import nnx\n\n\n"
    "def train(model: torch.nn.Module, loss_fn, batches):\n"
    "    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)\n"
    "    params = nnx.state(model, nnx.Param)\n"
    "    opt_state = optimizer.init(params)\n"
    "    for batch in batches:\n"
    "        optimizer.zero_grad()\n"
    "        grads = jax.grad(loss_fn)(params, batch)\n"
    "        optimizer.step()\n"
    "    return params\n"
)
_PORTED = _HALF.replace(
    "torch.optim.Adam(model.parameters(), lr=0.01)", "optax.adam(learning_rate=0.01)"
).replace("        optimizer.zero_grad()\n", "").replace(
    "        optimizer.step()\n",
    "        updates, opt_state = optimizer.update(grads, opt_state, params)\n"
    "        params = optax.apply_updates(params, updates)\n",
)
_LOOP = _TORCH + (
    "opt = torch.optim.SGD(model.parameters(), lr=0.1)\nopt.zero_grad()\n"
    "model(torch.ones(1, 2)).sum().backward()\n{}opt.step()\n"
)
_WITH_REASON = _LOOP.format(
    f"{ESCAPE} `backward()` leaves gradients in the parameters; JAX gives them back, "
    "so the loss must become a function for `value_and_grad`\n"
)

RULES = (
    Rule(
        code="JXP201",
        name="optimizer-constructor",
        summary="A torch optimizer that is made.",
        why="Optax optimizers hold no parameters. Their defaults are not torch's: what differs "
        "is written out, and L2 weight decay stays L2 (`add_decayed_weights`, not `adamw`).",
        fix_safety="Made with Optax only together with all its steps and `zero_grad`s. Left as it "
        "is with parameter groups, filtered parameters, and where Optax has nothing equal.",
        check=_constructors,
        triggers=(
            Trigger("optim", (r"optim\b",)), Trigger("ptimizer"),
            Trigger("opt", (r"opt_?(?:class|cls|type)",)),
        ),
        by_alias=True,
        of_torch=True,
        examples=(
            Example(
                _TORCH + "optimizer = torch.optim.Adam(model.parameters(), lr=0.01)\n",
                "import optax\n" + _TORCH + "optimizer = optax.adam(learning_rate=0.01)\n",
                "import optax\n" + _TORCH + "optimizer = optax.adam(learning_rate=0.01)\n",
            ),
            Example(
                _TORCH + "optimizer = torch.optim.Adam([{'params': model.parameters()}], lr=0.1)\n"
            ),
        ),
        accepts=("import optax\n\noptimizer = optax.adam(learning_rate=0.01)\n",),
    ),
    Rule(
        code="JXP202",
        name="optimizer-step",
        summary="A torch optimizer that steps.",
        why="Optax gives the updates and the new state back; `apply_updates` gives new parameters.",
        fix_safety="Rewritten where `grads`, `opt_state` and `params` are there and come from JAX. "
        "Else the statement stays, with the reason in a comment above it.",
        check=_steps,
        triggers=(method("step"),),
        examples=(
            Example(_HALF, _PORTED, _PORTED),
        ),
        accepts=(
            "import torch\n\n\ndef f(env, action):\n    return env.step(action)\n",
            "import torch\n\n\ndef f(scheduler):\n    scheduler.step()\n",
            "import torch\n\n\ndef f(cursor):\n    cursor.step()\n",
        ),
    ),
    Rule(
        code="JXP203",
        name="zero-grad",
        summary="Gradients that are reset.",
        why="JAX computes gradients anew each time, so there is nothing to reset.",
        fix_safety="Removed only together with the steps of the same optimizer: where gradients "
        "are accumulated over several `backward()` calls, it says where a step begins.",
        check=_zero_grads,
        triggers=(method("zero_grad"),),
        examples=(Example(_HALF, _PORTED, _PORTED),),
        accepts=(
            "class Meter:\n    def zero_grad(self):\n        pass\n\n\nMeter().zero_grad()\n",
        ),
    ),
)
