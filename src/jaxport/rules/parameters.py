"""JXP105: `parameters`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Edit, Finding
from jaxport.plans import Text
from jaxport.rules import Edition, Example, File, Rule, method
from jaxport.rules._state import is_super
from jaxport.semantics import flow
from jaxport.semantics.values import Evidence
from jaxport.tables import torch_names

_ORDERLESS = frozenset({"sum", "any", "all", "max", "min"})
_VALUES = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
# What torch parameters and JAX arrays have in common.
_SHARED = frozenset({"shape", "ndim", "dtype", "sum", "mean", "max", "min", "all", "any"})


# What `jaxport port` writes for arrays.
_PORTED = frozenset({"numel", "nelement", "norm", "pow", "abs", "square", "dim", "size", "detach"})


def _check(file: File) -> Iterator[Finding]:
    for call, receiver in file.calls_of("parameters"):
        evidence = file.model.role(receiver, "module")
        if evidence is None:
            continue
        if file.porting and _first_of(file, call):
            nnx, jax = file.spell("flax.nnx", call), file.spell("jax", call)
            text = ast.unparse(receiver)
            plan = Text((Edit(
                file.model.source.span(call),
                f"iter({jax}.tree.leaves({nnx}.state({text}, {nnx}.Param)))",
            ),))
            edition = Edition("text", "Ask one of the parameters", ("jax", "flax.nnx"), plan=plan)
            yield file.report("JXP105", call, "the parameters tell dtype and device", edition)
            continue
        message = "`parameters` of a module are the leaves of its `flax.nnx.Param` state"
        reason, doubt = _judge(file, call)
        if reason:
            yield file.leave("JXP105", call, message, reason)
            continue
        if evidence is not Evidence.PROOF:
            doubt = doubt or "that it is a module is a guess"
        needs = ("flax.nnx",) if file.dialect == "switcheroo" else ("jax", "flax.nnx")
        edition = Edition(
            "convert_parameters", doubt or "Read the parameters from the state",
            needs, "unsafe" if doubt else "safe",
        )  # fmt: skip
        yield file.report("JXP105", call, message, edition)


def _first_of(file: File, call: ast.Call) -> bool:
    """Whether `next(…)` takes any of the parameters, to ask for what all have in common."""
    parent = file.parent(call)
    if not (isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "next"):
        return False
    return all(
        isinstance(above := file.parent(use), ast.Attribute) and above.attr in (
            "device", "dtype", "is_cuda", "new_zeros", "new_ones", "new_full", "new_empty",
            "new_tensor",
        )
        for use in flow.uses(file.model, parent)
    )


def _judge(file: File, call: ast.Call) -> tuple[str, str]:
    """Why the call stays, or why a rewrite is a guess; two empty strings where it is proven."""
    assert isinstance(call.func, ast.Attribute)
    if is_super(call.func.value):
        return "`super()` is no module that Flax could read", ""
    if call.args or call.keywords:
        return "`recurse` has no counterpart", ""
    for node in file.model.walk.ancestors(call):
        if isinstance(node, ast.Call):
            name = file.model.qualified(node.func) or str(getattr(node.func, "attr", ""))
            if torch_names.is_optimizer_class(name):
                return "it belongs to the optimizer and goes with it", ""
            if "clip_grad" in name:
                return "gradient clipping belongs to the training step", ""
        if isinstance(node, ast.stmt):
            break
    doubt = ""
    for use in flow.uses(file.model, call):
        reason, more = _use(file, use)
        if reason:
            return reason, ""
        doubt = doubt or more
    return "", doubt


def _use(file: File, use: ast.expr) -> tuple[str, str]:
    parent = file.parent(use)
    if isinstance(parent, ast.comprehension) and parent.iter is use:
        holder = file.parent(parent)
        reason = _elements(file, parent.target, holder)
        consumer = file.parent(holder)
        if isinstance(consumer, ast.Subscript):
            return "torch and Flax give the parameters in another order", ""
        orderless = isinstance(consumer, ast.Call) and isinstance(consumer.func, ast.Name) and (
            consumer.func.id in _ORDERLESS and len(consumer.args) == 1 and not consumer.keywords
        )
        if _is_handed_on(parent.target, holder):
            return reason, "what takes the items must take arrays"
        return reason, "" if orderless else "torch and Flax give the parameters in another order"
    if isinstance(parent, (ast.For, ast.AsyncFor)) and parent.iter is use:
        reason = _elements(file, parent.target, parent)
        added = _is_sum(parent.body) and not _is_handed_on(parent.target, parent)
        return reason, "" if added else "torch and Flax give the parameters in another order"
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
        if parent.func.id == "next":
            return "the first parameter in torch's order is not the first leaf in Flax's", ""
        if parent.func.id == "len":
            return "", ""
        if parent.func.id in ("zip", "enumerate"):
            return "it is paired by position, and Flax gives the parameters in another order", ""
    if isinstance(parent, (ast.Subscript, ast.YieldFrom, ast.Starred)):
        return "torch and Flax give the parameters in another order", ""
    return "", "what reads it must take arrays, in Flax's order"


def _elements(file: File, target: ast.expr, inside: ast.AST) -> str:
    if not isinstance(target, ast.Name):
        return "its items are not bound to one name"
    for node in ast.walk(inside):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == target.id
            and not (file.porting and node.attr in _PORTED)
            and (node.attr not in _SHARED or not isinstance(node.ctx, ast.Load))
        ):
            return f"`{target.id}.{node.attr}` is torch's own"
        if isinstance(node, ast.Compare) and not isinstance(node.ops[0], _VALUES) and any(
            isinstance(side, ast.Name) and side.id == target.id
            for side in (node.left, *node.comparators)
        ):
            return f"`{target.id}` is compared by identity"
    return ""


def _is_handed_on(target: ast.expr, inside: ast.AST) -> bool:
    """Whether an item is an argument of a call, which may ask for more than an array has."""
    return any(
        isinstance(argument, ast.Name) and argument.id == getattr(target, "id", "")
        for node in ast.walk(inside)
        if isinstance(node, ast.Call)
        for argument in node.args
    )


def _is_sum(body: list[ast.stmt]) -> bool:
    """Whether the loop does nothing but add to one name, so that the order does not matter."""
    match body:
        case [ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value)]:
            names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
            return name not in names and not isinstance(value, (ast.List, ast.ListComp, ast.Tuple))
    return False


_NET = "from torch import nn\n\nmodel = nn.Linear(2, 2)\n"

RULES = (
    Rule(
        code="JXP105",
        name="parameters",
        summary="The parameters of a torch module.",
        why="In Flax NNX the parameters are the part of the state whose type is `Param`. "
        "`State.values()` gives nested states, so the `nnx` form asks JAX for the leaves.",
        fix_safety="Safe where the parameters are added up or counted. Unsafe where they go "
        "elsewhere: Flax gives them in another order. Left as it is in an optimizer or gradient "
        "clipping, with `next`, and where an item is used as only torch's can be.",
        check=_check,
        triggers=(method("parameters"),),
        examples=(
            Example(
                _NET + "total = sum(p.sum() for p in model.parameters())\n",
                "import flax.nnx\nimport jax\n" + _NET + "total = sum(p.sum() for p in "
                "jax.tree.leaves(flax.nnx.state(model, flax.nnx.Param)))\n",
                "import flax.nnx\n" + _NET + "total = sum(p.sum() for p in "
                "flax.nnx.state(model, flax.nnx.Param).values())\n",
            ),
            Example(_NET + "device = next(model.parameters()).device\n"),
            Example(_NET + "for p in model.parameters():\n    p.requires_grad = False\n"),
        ),
        accepts=(
            "import inspect\nimport torch\n\n\ndef f(g):\n"
            "    return inspect.signature(g).parameters\n",
            "import torch\n\n\nclass Plan:\n    def parameters(self):\n        return []\n\n\n"
            "Plan().parameters()\n",
        ),
    ),
)
