"""Optimizers: constructor, step and zero_grad (`optimizer_step` in the spec)."""

from __future__ import annotations

import ast

import libcst

from jaxport.hooks.context import (
    EscapeHatch,
    HookContext,
    call,
    code,
    expression,
    given,
    keyword,
    positional,
    receiver,
)
from jaxport.plans import Reset, Training
from jaxport.tables.optimizers import OPTIMIZERS, Optimizer

_KEYWORD_ONLY = ("maximize", "foreach", "fused", "capturable", "differentiable")


def transform_optimizer_init(node: libcst.Call, ctx: HookContext) -> libcst.Call:
    """`torch.optim.Adam(model.parameters(), lr=0.01)` becomes `optax.adam(learning_rate=0.01)`.

    What torch's defaults do and Optax's don't is written out. Returns the node unchanged where
    the table has no exact form.
    """
    row = OPTIMIZERS.get(ctx.callee or _spelled(node.func))
    if row is None:
        return node
    names = ("params", *row.positional, *row.refuse)
    names += tuple(name for name in _KEYWORD_ONLY if name not in names)
    arguments = given(node, names)
    if arguments is None or "params" not in arguments:
        return node
    del arguments["params"]
    plan = ctx.plan if isinstance(ctx.plan, Training) else Training(True, "")
    made = _grouped(arguments, row, ctx, plan)
    if made is None:
        return node
    clips = [
        call(ctx.name(name), [positional(expression(argument))])
        for name, argument in plan.transforms
    ]
    if clips:
        made = call(ctx.name("optax.chain"), [positional(item) for item in (*clips, *_links(made))])
    if ctx.plan is None or plan.functional:
        return made
    model, wrt = expression(plan.model), keyword("wrt", ctx.name("flax.nnx.Param"))
    return call(ctx.name("flax.nnx.Optimizer"), [positional(model), positional(made), wrt])


def _links(made: libcst.Call) -> list[libcst.BaseExpression]:
    """The members of a chain, so that a longer one can be made of them."""
    is_chain = isinstance(made.func, libcst.Attribute) and made.func.attr.value == "chain"
    return [argument.value for argument in made.args] if is_chain else [made]


def _grouped(
    arguments: dict[str, libcst.BaseExpression], row: Optimizer, ctx: HookContext, plan: Training
) -> libcst.Call | None:
    """One optimizer, or one for each parameter group."""
    if len(plan.groups) < 2:
        own = {name: expression(text) for _, group in plan.groups for name, text in group}
        return _optax({**arguments, **own}, row, ctx)
    made: list[libcst.BaseDictElement] = []
    for label, group in plan.groups:
        own = {name: expression(text) for name, text in group}
        one = _optax({**arguments, **own}, row, ctx)
        if one is None:
            return None
        made.append(libcst.DictElement(libcst.SimpleString(f'"{label}"'), one))
    labels = ", ".join(f'{index}: "{label}"' for index, (label, _) in enumerate(plan.groups))
    return call(
        ctx.name("optax.multi_transform"),
        [
            positional(libcst.Dict(made)),
            positional(expression(f"{ctx.text('flax.nnx.State')}({{{labels}}})")),
        ],
    )


def _optax(
    arguments: dict[str, libcst.BaseExpression], row: Optimizer, ctx: HookContext
) -> libcst.Call | None:
    written: dict[str, libcst.BaseExpression] = {}
    before: list[libcst.BaseExpression] = []
    for name, value in arguments.items():
        text = ast.unparse(ast.parse(f"({code(value)})", mode="eval"))
        if name in row.refuse:
            if text not in row.refuse[name][0]:
                return None
        elif name in row.rename:
            targets = row.rename[name].split()
            values = [value] if len(targets) == 1 else _elements(value)
            if len(values) != len(targets):
                return None
            written.update(zip(targets, values, strict=True))
        elif name == "weight_decay" and row.decay:
            if text not in ("0", "0.0"):
                before.append(call(ctx.name("optax.add_decayed_weights"), [positional(value)]))
        elif name == "maximize":
            if text not in ("True", "False"):
                return None
            if text == "True":
                # torch turns the gradient around before it adds the decay.
                before.insert(0, expression(f"{code(ctx.name('optax.scale'))}(-1.0)"))
        elif name not in row.ignored:
            return None
    fixed = {**row.write, **row.always}
    order = dict.fromkeys([*(n for n in fixed if n == "learning_rate"), *written, *fixed])
    plan = ctx.plan if isinstance(ctx.plan, Training) else None
    if plan is not None and plan.schedule:
        written["learning_rate"] = expression(ctx.source(plan.schedule))
    alias = call(
        ctx.name(f"optax.{row.optax}"),
        [keyword(name, written.get(name) or expression(fixed[name])) for name in order],
    )
    if not before:
        return alias
    before.sort(key=lambda item: "add_decayed_weights" in code(item))
    return call(ctx.name("optax.chain"), [positional(item) for item in [*before, alias]])


def _elements(value: libcst.BaseExpression) -> list[libcst.BaseExpression]:
    if not isinstance(value, (libcst.Tuple, libcst.List)):
        return []
    return [item.value for item in value.elements if isinstance(item, libcst.Element)]


def _spelled(node: libcst.BaseExpression) -> str:
    text = code(node)
    return text if text.startswith("torch.optim.") else f"torch.optim.{text.rsplit('.', 1)[-1]}"


def transform_optimizer_step(
    node: libcst.Call, ctx: HookContext
) -> libcst.Call | libcst.FlattenSentinel[libcst.BaseStatement]:
    """`optimizer.step()` becomes `update` and `apply_updates`, two statements.

    They read `grads`, `opt_state` and `params`. Where these are not at hand, or the context
    says why not, the call stays under a comment (`EscapeHatch`).
    """
    optimizer = receiver(node, "step")
    if optimizer is None or node.args:
        return node
    if ctx.escape:
        return EscapeHatch.mark(node, "JXP202", ctx.escape)
    if not ctx.has("grads", "opt_state", "params"):
        return EscapeHatch.mark(node, "JXP202", "no `grads`, `opt_state` and `params` here")
    plan = ctx.plan if isinstance(ctx.plan, Training) else None
    if plan is not None and not plan.functional:
        update = libcst.Attribute(optimizer, libcst.Name("update"))
        arguments = [positional(expression(text)) for text in (plan.model, plan.grads)]
        return call(update, arguments)
    grads = plan.grads if plan is not None else "grads"
    lines = [
        f"updates, opt_state = {code(optimizer)}.update({grads}, opt_state, params)",
        f"params = {ctx.text('optax.apply_updates')}(params, updates)",
    ]
    if plan is not None:
        state = f"{ctx.text('flax.nnx.state')}({plan.model}, {ctx.text('flax.nnx.Param')})"
        written_back = f"{ctx.text('flax.nnx.update')}({plan.model}, params)"
        lines = [f"params = {state}", *lines, written_back]
    return libcst.FlattenSentinel([libcst.parse_statement(line) for line in lines])


def strip_zero_grad(
    node: libcst.Call, ctx: HookContext
) -> libcst.CSTNode | libcst.FlattenSentinel[libcst.BaseStatement]:
    """`optimizer.zero_grad()` becomes `pass`; the fix leaves that out where it is not alone.

    Where gradients are added up over several batches, they start from zero here.
    """
    if receiver(node, "zero_grad") is None:
        return node
    plan = ctx.plan
    if not isinstance(plan, Reset):
        return libcst.Pass()
    state = f"{ctx.text('flax.nnx.state')}({plan.model}, {ctx.text('flax.nnx.Param')})"
    zeros = f"{ctx.text('jax.tree.map')}({ctx.text('jax.numpy.zeros_like')}, {state})"
    return libcst.FlattenSentinel([libcst.parse_statement(f"{plan.total} = {zeros}")])
