"""The training step is one thing: constructor, steps and zero_grads of one optimizer together.

Half of them changed would be silently wrong, so each optimizer is portable as a whole or has
one reason why not.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from jaxport.semantics.model import Model
from jaxport.semantics.scopes import Binding
from jaxport.semantics.values import Evidence, External, Literal, Result
from jaxport.tables import torch_names
from jaxport.tables.optimizers import OPTIMIZERS, UNSUPPORTED

NEEDED = ("grads", "opt_state", "params")


@dataclass(eq=False)
class Optimizer:
    """One optimizer of the file: where it is made and what is called on it."""

    key: object
    name: str
    evidence: Evidence
    constructors: list[ast.Call] = field(default_factory=list)
    steps: list[ast.Call] = field(default_factory=list)
    zero_grads: list[ast.Call] = field(default_factory=list)
    blocker: str = ""

    @property
    def group(self) -> str:
        first = self.calls[0]
        return f"optimizer {first.lineno}:{first.col_offset}"

    @property
    def calls(self) -> list[ast.Call]:
        return [*self.constructors, *self.steps, *self.zero_grads]

    def block(self, reason: str) -> None:
        self.blocker = self.blocker or reason


def optimizers(model: Model) -> list[Optimizer]:
    """Every optimizer that the file makes, steps or resets. Worked out once for a file."""
    found: dict[object, Optimizer] = {}
    for call in model.walk.calls:
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if not (name[:1].isupper() or isinstance(call.func, (ast.Name, ast.Call)) or "opt" in name):
            continue
        made = model.qualified(call.func) or ""
        if not torch_names.is_optimizer_class(made):
            continue
        optimizer = _of_target(model, call, found)
        optimizer.constructors.append(call)
        reason = UNSUPPORTED.get(made) or constructor_blocker(model, call, made)
        if reason:
            optimizer.block(reason)
    for call in model.walk.calls:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("step", "zero_grad"):
            continue
        receiver = call.func.value
        evidence = model.role(receiver, "optimizer")
        if evidence is None and _is_optax(model, receiver):
            evidence = Evidence.PROOF
        if evidence is None:
            continue
        optimizer = _of_receiver(model, receiver, evidence, found)
        (optimizer.steps if call.func.attr == "step" else optimizer.zero_grads).append(call)
    for optimizer in set(found.values()):
        _judge(model, optimizer)
    for optimizer in set(found.values()):
        _judge_neighbours(model, optimizer, set(found.values()))
    return list(dict.fromkeys(found.values()))


def _is_optax(model: Model, node: ast.AST) -> bool:
    values = model.infer(node)
    return bool(values) and all(
        isinstance(value, Result) and value.name.startswith("optax.") for value in values
    )


def _of_target(model: Model, call: ast.Call, found: dict[object, Optimizer]) -> Optimizer:
    parent = model.walk.parents[call]
    targets = parent.targets if isinstance(parent, ast.Assign) else []
    if isinstance(parent, ast.AnnAssign):
        targets = [parent.target]
    if len(targets) == 1 and isinstance(targets[0], (ast.Name, ast.Attribute)):
        key = _key(model, targets[0], call)
        name = ast.unparse(targets[0])
        optimizer = found.setdefault(key, Optimizer(key, name, Evidence.PROOF))
        if isinstance(targets[0], ast.Attribute):
            optimizer.block("it is kept in an attribute, and other methods and files can reach it")
        return optimizer
    optimizer = found.setdefault(call, Optimizer(call, "", Evidence.PROOF))
    if not isinstance(parent, ast.Expr):
        optimizer.block("it leaves the place where it is made, so its steps can't be seen")
    return optimizer


def _of_receiver(
    model: Model, receiver: ast.expr, evidence: Evidence, found: dict[object, Optimizer]
) -> Optimizer:
    key = _key(model, receiver, receiver)
    optimizer = found.setdefault(key, Optimizer(key, ast.unparse(receiver), evidence))
    optimizer.evidence = min(optimizer.evidence, evidence)
    return optimizer


def _key(model: Model, target: ast.expr, at: ast.AST) -> object:
    if isinstance(target, ast.Name):
        bindings = model.walk.where[at][0].enclosing()
        for scope in bindings:
            if scope.bindings.get(target.id):
                return (scope, target.id)
    owner = model.walk.where[at][0].owner()
    return (owner, ast.unparse(target))


def arguments_of(call: ast.Call, positional: tuple[str, ...]) -> dict[str, ast.expr] | None:
    """torch's arguments by name, `params` first; None where stars hide which is which."""
    if any(isinstance(item, ast.Starred) for item in call.args):
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    names = ("params", *positional)
    if len(call.args) > len(names):
        return None
    given = dict(zip(names, call.args, strict=False))
    given.update({keyword.arg or "": keyword.value for keyword in call.keywords})
    return given


def constructor_blocker(model: Model, call: ast.Call, name: str) -> str:
    """Why the constructor can't be written in Optax; empty where the table has all of it."""
    row = OPTIMIZERS.get(name)
    if row is None:
        return "jaxport does not know this optimizer"
    given = arguments_of(call, row.positional)
    if given is None:
        return "starred arguments hide which one is which"
    params = given.pop("params", None)
    if isinstance(params, ast.Call) and ast.unparse(params.func) == "list" and params.args:
        params = params.args[0]
    if not (
        isinstance(params, ast.Call)
        and isinstance(params.func, ast.Attribute)
        and params.func.attr == "parameters"
        and not params.args
        and model.role(params.func.value, "module")
    ):
        return "it does not train all parameters of one module (`model.parameters()`)"
    for argument, value in given.items():
        text = ast.unparse(value)
        if any(torch_names.is_torch(model.qualified(node) or "") for node in ast.walk(value)
               if isinstance(node, (ast.Name, ast.Attribute))):
            return f"`{argument}={text}` is torch's own"
        if argument in row.refuse:
            neutral, reason = row.refuse[argument]
            if text not in neutral:
                return f"`{argument}={text}`: {reason}"
        elif argument == "maximize":
            if text not in ("True", "False"):
                return f"`maximize={text}` is known only at run time"
        elif argument == "weight_decay":
            continue
        elif argument == "betas":
            if not (isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == 2) or any(
                isinstance(item, ast.Starred) for item in value.elts
            ):
                return f"`betas={text}` is not written as two numbers"
        elif argument not in row.rename and argument not in row.ignored:
            return f"torch has no argument `{argument}` here"
    return ""


def _judge(model: Model, optimizer: Optimizer) -> None:
    if len(optimizer.constructors) > 1:
        optimizer.block("it is made in several places")
    known = {id(call.func.value) for call in [*optimizer.steps, *optimizer.zero_grads]
             if isinstance(call.func, ast.Attribute)}
    for step in optimizer.steps:
        if step.args or step.keywords:
            optimizer.block("`step` takes a closure, and Optax has none")
        if not isinstance(model.walk.parents[step], ast.Expr):
            optimizer.block("the result of `step` is used")
    for reset in optimizer.zero_grads:
        if not isinstance(model.walk.parents[reset], ast.Expr):
            optimizer.block("the result of `zero_grad` is used")
    for call in [*optimizer.steps, *optimizer.zero_grads]:
        backward = _backward_near(model, call)
        if backward is not None:
            optimizer.block(
                f"`backward()` in line {backward.lineno} leaves gradients in the parameters; "
                "JAX gives them back, so the loss must become a function for `value_and_grad`"
            )
    for name in model.walk.names:
        if name.id != optimizer.name or id(name) in known:
            continue
        if _key(model, name, name) != optimizer.key:
            continue
        parent = model.walk.parents[name]
        if isinstance(parent, ast.Attribute) and parent.attr in ("init", "update"):
            continue
        optimizer.block(f"another use of it in line {name.lineno} can't be ported")
    if optimizer.constructors and not optimizer.blocker:
        crossing = _crosses_functions(model, optimizer)
        if crossing:
            optimizer.block(crossing)
    for step in optimizer.steps:
        missing = _not_ready(model, step)
        if missing:
            optimizer.block(missing)
    if optimizer.zero_grads and not optimizer.steps:
        optimizer.block("where it steps can't be seen")


def _crosses_functions(model: Model, optimizer: Optimizer) -> str:
    # An optimizer stepped in one function and made in another crosses a boundary.
    home = model.walk.where[optimizer.constructors[0]][0].function()
    for call in [*optimizer.steps, *optimizer.zero_grads]:
        if model.walk.where[call][0].function() is not home:
            return "it is made in one function and used in another"
    return ""


def _backward_near(model: Model, call: ast.Call) -> ast.Call | None:
    home = model.walk.where[call][0].function()
    found = [
        other
        for other in model.walk.calls
        if isinstance(other.func, ast.Attribute)
        and other.func.attr in ("backward", "manual_backward")
        and model.walk.where[other][0].function() is home
    ]
    return min(found, key=lambda other: abs(other.lineno - call.lineno), default=None)


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


def _judge_neighbours(model: Model, optimizer: Optimizer, others: set[Optimizer]) -> None:
    # Two optimizers of one function would update with the same `grads` and `opt_state`.
    homes = {model.walk.where[call][0].function() for call in optimizer.steps}
    for other in others - {optimizer}:
        if homes & {model.walk.where[call][0].function() for call in other.steps}:
            optimizer.block("several optimizers step here, and they can't share `opt_state`")


def qualified_constructor(model: Model, call: ast.Call) -> str:
    """The optimizer's name as torch documents it."""
    values = [value for value in model.infer(call.func) if isinstance(value, External)]
    return values[0].name if values else ""
