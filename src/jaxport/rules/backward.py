"""JXP204: `loss.backward()`, from which the whole training step is ported."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Example, File, Rule, method
from jaxport.rules._training import edition_of, reason_beside


def _backwards(file: File) -> Iterator[Finding]:
    message = "`backward` leaves gradients in the parameters; JAX gives them back"
    if not file.model.uses_torch or "backward" not in file.methods:
        return
    owners = {call: optimizer for optimizer in file.optimizers for call in optimizer.backwards}
    for call, receiver in file.calls_of("backward"):
        if isinstance(receiver, ast.Call) and getattr(receiver.func, "id", "") == "super":
            continue
        owner = owners.get(call)
        if owner is None or owner.blocker:
            reason = owner.blocker if owner is not None else reason_beside(file, call)
            yield file.leave("JXP204", call, message, reason)
            continue
        edition = edition_of(
            owner, call, "convert_backward", "Write a loss function for `value_and_grad`"
        )
        yield file.report("JXP204", call, message, edition)


_SCRIPT = (
    "import torch\n\n\n"
    "def train(net: torch.nn.Module, criterion, batches):\n"
    "    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n"
    "    for x, y in batches:\n"
    "        optimizer.zero_grad()\n"
    "        loss = criterion(net(x), y)\n"
    "        loss.backward()\n"
    "{}"
    "        optimizer.step()\n"
    "        print(loss.item())\n"
)
_PORTED = (
    "import flax.nnx\nimport optax\nimport torch\n\n\n"
    "def train(net: torch.nn.Module, criterion, batches):\n"
    "    optimizer = {}\n"
    "    opt_state = optimizer.init(flax.nnx.state(net, flax.nnx.Param))\n"
    "    for x, y in batches:\n"
    "        def loss_fn(net):\n"
    "            return criterion(net(x), y)\n\n"
    "        loss, grads = flax.nnx.value_and_grad(loss_fn)(net)\n"
    "        params = flax.nnx.state(net, flax.nnx.Param)\n"
    "        updates, opt_state = optimizer.update(grads, opt_state, params)\n"
    "        params = optax.apply_updates(params, updates)\n"
    "        flax.nnx.update(net, params)\n"
    "        print(loss.item())\n"
)
_AFTER = _PORTED.format("optax.sgd(learning_rate=0.1)")

RULES = (
    Rule(
        code="JXP204",
        name="backward",
        summary="A loss that is differentiated with `backward()`.",
        why="JAX differentiates functions: what computes the loss moves into one, and "
        "`value_and_grad` gives the gradients that the optimizer updates with.",
        fix_safety="Rewritten together with the optimizer's constructor, steps, `zero_grad`s and "
        "clipping. What the loss does not need stays outside of the function. Left as it is where "
        "a gradient could get lost, such as a model that the loss reaches by another way.",
        check=_backwards,
        triggers=(method("backward"),),
        examples=(Example(_SCRIPT.format(""), _AFTER, _AFTER),),
        accepts=("import jax\n\n\ndef backward(x):\n    return jax.grad(backward)(x)\n",),
    ),
)
