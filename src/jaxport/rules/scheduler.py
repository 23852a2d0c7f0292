"""JXP206: a scheduler of the learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Example, File, Rule, Trigger, method, whole
from jaxport.rules._training import edition_of, reason_beside
from jaxport.tables import schedules


def _schedulers(file: File) -> Iterator[Finding]:
    message = "a scheduler is a schedule in Optax, a function of the number of steps"
    owners = {
        call: optimizer
        for optimizer in file.optimizers
        for call in (*optimizer.schedulers, *optimizer.scheduler_steps)
    }
    made = [
        call for call in file.model.walk.calls
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in schedules.NAMES
        and schedules.is_scheduler(file.model.qualified(call.func) or "")
    ]
    steps = [
        call for call, receiver in file.calls_of("step")
        if file.model.role(receiver, "scheduler")
    ]
    for call in dict.fromkeys([*made, *steps, *owners]):
        owner = owners.get(call)
        if owner is None or owner.blocker:
            reason = owner.blocker if owner is not None else reason_beside(file, call)
            yield file.leave("JXP206", call, message, reason)
            continue
        edition = edition_of(owner, call, "strip_scheduler", "Give the optimizer a schedule")
        yield file.report("JXP206", call, message, edition)


_SCRIPT = (
    "import torch\n\n\n"
    "def train(net: torch.nn.Module, criterion, batches):\n"
    "    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n"
    "    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=50)\n"
    "    for x, y in batches:\n"
    "        optimizer.zero_grad()\n"
    "        loss = criterion(net(x), y)\n"
    "        loss.backward()\n"
    "        optimizer.step()\n"
    "        scheduler.step()\n"
)
_PORTED = (
    "import flax.nnx\nimport optax\nimport torch\n\n\n"
    "def train(net: torch.nn.Module, criterion, batches):\n"
    "    schedule = optax.linear_schedule(0.1 * 0.1, 0.1, transition_steps=50)\n"
    "    optimizer = optax.sgd(learning_rate=schedule)\n"
    "    opt_state = optimizer.init(flax.nnx.state(net, flax.nnx.Param))\n"
    "    for x, y in batches:\n"
    "        def loss_fn(net):\n"
    "            return criterion(net(x), y)\n\n"
    "        grads = flax.nnx.grad(loss_fn)(net)\n"
    "        params = flax.nnx.state(net, flax.nnx.Param)\n"
    "        updates, opt_state = optimizer.update(grads, opt_state, params)\n"
    "        params = optax.apply_updates(params, updates)\n"
    "        flax.nnx.update(net, params)\n"
)

RULES = (
    Rule(
        code="JXP206",
        name="scheduler",
        summary="A scheduler that changes the learning rate.",
        why="In Optax the learning rate can be a function of the number of steps. It counts steps "
        "of the optimizer, so what torch counts in epochs is divided by the steps in one.",
        fix_safety="Part of the training step, and rewritten with it, where Optax gives the same "
        "rates and each epoch is seen to have the same number of steps.",
        check=_schedulers,
        # The names of schedulers, a step of one, and an optimizer that one is given to.
        triggers=(
            *(Trigger(name) for name in schedules.NAMES), whole("optim"),
            method("step"), method("zero_grad"),
        ),
        by_alias=True,
        of_torch=True,
        examples=(Example(_SCRIPT, _PORTED, _PORTED),),
    ),
)
