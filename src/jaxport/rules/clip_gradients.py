"""JXP205: gradients that are clipped."""

from __future__ import annotations

from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Example, File, Rule, Trigger
from jaxport.rules._training import edition_of, reason_beside


def _clips(file: File) -> Iterator[Finding]:
    message = "clipping gradients is a transformation in Optax"
    clips = [
        call for call in file.model.walk.calls
        if "clip" in getattr(call.func, "attr", getattr(call.func, "id", ""))
        and (file.model.qualified(call.func) or "").startswith("torch.nn.utils.clip_grad")
    ]
    if not clips:
        return
    owners = {call: optimizer for optimizer in file.optimizers for call in optimizer.clips}
    for call in clips:
        owner = owners.get(call)
        if owner is None or owner.blocker:
            reason = owner.blocker if owner is not None else reason_beside(file, call)
            yield file.leave("JXP205", call, message, reason)
            continue
        edition = edition_of(owner, call, "convert_clip", "Clip with Optax", "optax")
        yield file.report("JXP205", call, message, edition)


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
_CLIP = "        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)\n"
_AFTER = _PORTED.format(
    "optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(learning_rate=0.1))"
)

RULES = (
    Rule(
        code="JXP205",
        name="clip-gradients",
        summary="Gradients that are clipped by their norm or value.",
        why="In Optax clipping is a transformation in front of the optimizer.",
        fix_safety="Part of the training step, and rewritten with it: in the optimizer's chain "
        "where the limit is known there, else on the gradients where it stood.",
        check=_clips,
        triggers=(Trigger("clip"),),
        examples=(Example(_SCRIPT.format(_CLIP), _AFTER, _AFTER),),
    ),
)
