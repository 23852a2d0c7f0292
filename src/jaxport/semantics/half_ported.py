"""Code that is half on JAX already: `grads`, `opt_state` and `params` stand there, `step()` too."""

from __future__ import annotations

import ast

from jaxport.semantics.loss import CannotPort
from jaxport.semantics.model import Model
from jaxport.semantics.optimizer import Optimizer
from jaxport.semantics.scopes import Binding
from jaxport.semantics.trained import trained
from jaxport.semantics.values import Literal
from jaxport.tables import torch_names

NEEDED = ("grads", "opt_state", "params")


def check(model: Model, optimizer: Optimizer, everyone: list[Optimizer]) -> None:
    """Check that every `step()` can become the spec's two statements.

    Raises:
        CannotPort: with the reason.
    """
    if len(optimizer.constructors) > 1:
        raise CannotPort("it is made in several places")
    for call in optimizer.constructors:
        items = trained(model, call)
        plain = call.args[:1] and isinstance(call.args[0], ast.Call)
        if len(items) != 1 or items[0].own or not (plain or not call.args):
            raise CannotPort("its parameters come in groups, or from several modules")
    if optimizer.constructors:
        # An optimizer stepped in one function and made in another crosses a boundary.
        home = model.walk.where[optimizer.constructors[0]][0].function()
        parent = model.walk.parents[optimizer.constructors[0]]
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Attribute):
            raise CannotPort(
                "it is kept in an attribute, and other methods and files can reach it"
            )
        for call in [*optimizer.steps, *optimizer.zero_grads]:
            if model.walk.where[call][0].function() is not home:
                raise CannotPort("it is made in one function and used in another")
    for step in optimizer.steps:
        missing = _not_ready(model, step)
        if missing:
            raise CannotPort(missing)
    if optimizer.schedulers:
        raise CannotPort("a scheduler changes its learning rate")
    if optimizer.zero_grads and not optimizer.steps:
        raise CannotPort("where it steps can't be seen")
    # Two optimizers of one function would update with the same `grads` and `opt_state`.
    homes = {model.walk.where[call][0].function() for call in optimizer.steps}
    for other in everyone:
        if other is not optimizer and homes & {
            model.walk.where[call][0].function() for call in other.steps
        }:
            raise CannotPort("several optimizers step here, and they can't share `opt_state`")


def _not_ready(model: Model, step: ast.Call) -> str:
    """Why the spec's form can't be written here: what it reads is missing, or not what it needs."""
    missing = [name for name in NEEDED if not model.is_bound(step, name)]
    if missing:
        return "no " + ", ".join(f"`{name}`" for name in missing) + " here to update with"
    for name in NEEDED:
        for binding in model.lookup(step, name):
            if not _fits(model, name, binding):
                return f"`{name}` in line {binding.row} is something of your own"
    for binding in model.lookup(step, "updates"):
        if not _from_update(binding):
            return f"`updates` in line {binding.row} is something of your own"
    holders = {
        model.lookup(step, name)[0].scope.function() for name in ("params", "opt_state")
    }
    if holders != {model.walk.where[step][0].function()}:
        return "`params` and `opt_state` live outside this function"
    return ""


def _fits(model: Model, name: str, binding: Binding) -> bool:
    """Whether the binding can be what Optax reads: gradients, a state, or parameters."""
    if binding.kind == "parameter":
        values = model._binding(binding)
        return not any(
            isinstance(value, Literal)
            or torch_names.is_torch(getattr(getattr(value, "of", None), "name", ""))
            for value in values
        )
    if binding.kind not in ("value", "element"):
        return False
    node = binding.node
    if not isinstance(node, ast.Call):
        return False
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    made = model.qualified(node.func) or ""
    if torch_names.is_torch(made) or method in ("parameters", "named_parameters", "state_dict"):
        return False
    if name == "opt_state":
        return method in ("init", "update")
    if name == "params":
        return made.startswith(("flax.", "optax.", "jax.")) or method == "init"
    if name == "grads":
        inner = node.func
        if isinstance(inner, ast.Name):
            bindings = model.lookup(inner, inner.id)
            if len(bindings) == 1 and isinstance(bindings[0].node, ast.Call):
                inner = bindings[0].node
        holder = model.qualified(inner.func) if isinstance(inner, ast.Call) else ""
        return (holder or "").endswith(("grad", "value_and_grad")) or made.startswith("jax.")
    return False


def _from_update(binding: Binding) -> bool:
    node = binding.node
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "update"
    )
