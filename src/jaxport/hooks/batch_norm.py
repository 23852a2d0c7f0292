"""The call of a batch norm layer (`batch_norm` in the spec)."""

from __future__ import annotations

import libcst

from jaxport.hooks.context import HookContext, expression, keyword


def transform_batch_norm(node: libcst.Call, ctx: HookContext) -> libcst.CSTNode:
    """`self.bn1(x)` becomes `self.bn1(x, use_running_average=not training)`.

    `switcheroo` adds `mutable=['batch_stats']` and `[0]`, as the spec has it; Flax NNX takes no
    `mutable`. Without a `training` at hand `nnx` leaves the call: `train()` and `eval()` rule it.
    """
    if len(node.args) != 1 or node.args[0].star or node.args[0].keyword is not None:
        return node
    if ctx.dialect == "nnx" and not ctx.has("training"):
        return node
    mode = keyword("use_running_average", expression("not training"))
    arguments = [node.args[0].with_changes(comma=libcst.MaybeSentinel.DEFAULT), mode]
    if ctx.dialect == "nnx":
        return node.with_changes(args=arguments)
    arguments.append(keyword("mutable", expression("['batch_stats']")))
    first = libcst.SubscriptElement(libcst.Index(libcst.Integer("0")))
    return libcst.Subscript(
        node.with_changes(args=arguments, lpar=(), rpar=()),
        [first], lpar=node.lpar, rpar=node.rpar,
    )  # fmt: skip
