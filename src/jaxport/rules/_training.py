"""What the rules of a training step share: they are all rewritten, or none of them is."""

from __future__ import annotations

import ast

from jaxport.rules import Edition, File, weakest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.semantics.optimizer import Optimizer


def edition_of(
    optimizer: Optimizer, call: ast.Call, hook: str, message: str, *needs: str, callee: str = "",
) -> Edition:
    """What a rewrite of one of the optimizer's calls asks for."""
    from jaxport.plans import LossFunction, Reset, Training
    from jaxport.semantics.half_ported import NEEDED

    plan = optimizer.plans.get(call)
    if plan is not None:
        needs = (*needs, "flax.nnx")
    if isinstance(plan, Training) and "jax.numpy." in plan.schedule + "".join(plan.above):
        needs = (*needs, "jax.numpy")
    if isinstance(plan, Reset) or (isinstance(plan, LossFunction) and plan.total):
        needs = (*needs, "jax", "jax.numpy")
    return Edition(
        hook, message, needs,
        weakest(optimizer.evidence), callee, frozenset(NEEDED), optimizer.group,
        len(optimizer.calls), plan,
    )  # fmt: skip


def reason_beside(file: File, call: ast.Call) -> str:
    """Why a part of a training step stays that belongs to no optimizer, as far as is seen."""
    home = file.model.walk.where[call][0].function()
    for optimizer in file.optimizers:
        for step in optimizer.steps:
            if optimizer.blocker and file.model.walk.where[step][0].function() is home:
                return optimizer.blocker
    return "no optimizer is seen to step with it"
