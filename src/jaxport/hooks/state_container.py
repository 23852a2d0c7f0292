"""Buffers, parameters and state dictionaries (`state_container` in the spec)."""

from __future__ import annotations

import libcst

from jaxport.hooks.context import HookContext, call, given, positional, receiver


def convert_register_buffer(node: libcst.Call, ctx: HookContext) -> libcst.Call:
    """`self.register_buffer("n", t)` becomes `setattr(self, "n", flax.nnx.BatchStat(t))`."""
    arguments = given(node, ("name", "tensor", "persistent"))
    if arguments is None:
        return node
    persistent = arguments.pop("persistent", None)
    if persistent is not None and not (
        isinstance(persistent, libcst.Name) and persistent.value == "True"
    ):
        return node
    return _registered(node, ctx, "register_buffer", arguments, "tensor", "flax.nnx.BatchStat")


def convert_register_parameter(node: libcst.Call, ctx: HookContext) -> libcst.Call:
    """`self.register_parameter("n", p)` becomes `setattr(self, "n", flax.nnx.Param(p))`."""
    arguments = given(node, ("name", "param"))
    if arguments is None:
        return node
    return _registered(node, ctx, "register_parameter", arguments, "param", "flax.nnx.Param")


def _registered(
    node: libcst.Call,
    ctx: HookContext,
    method: str,
    arguments: dict[str, libcst.BaseExpression],
    value: str,
    variable: str,
) -> libcst.Call:
    holder = receiver(node, method)
    if holder is None or set(arguments) != {"name", value}:
        return node
    tensor = arguments[value]
    if isinstance(tensor, libcst.Name) and tensor.value == "None":
        return node
    wrapped = call(ctx.name(variable), [positional(tensor)])
    return call(
        libcst.Name("setattr"),
        [positional(holder), positional(arguments["name"]), positional(wrapped)],
    )


def convert_state_dict(node: libcst.Call, ctx: HookContext) -> libcst.Call:
    """`model.state_dict()` becomes the pure dictionary of `flax.nnx.state(model)`.

    `State.to_pure_dict`, the spec's form, is deprecated in Flax; `nnx` calls the function.
    """
    model = receiver(node, "state_dict")
    if model is None or node.args:
        return node
    state = call(ctx.name("flax.nnx.state"), [positional(model)])
    if ctx.dialect == "switcheroo":
        return call(libcst.Attribute(state, libcst.Name("to_pure_dict")), [])
    return call(ctx.name("flax.nnx.to_pure_dict"), [positional(state)])


def convert_load_state_dict(node: libcst.Call, ctx: HookContext) -> libcst.Call:
    """`model.load_state_dict(state)` becomes `flax.nnx.update(model, state)`."""
    model = receiver(node, "load_state_dict")
    arguments = given(node, ("state_dict", "strict"))
    if model is None or arguments is None or "state_dict" not in arguments:
        return node
    strict = arguments.get("strict")
    if strict is not None and not (isinstance(strict, libcst.Name) and strict.value == "True"):
        return node
    return call(
        ctx.name("flax.nnx.update"), [positional(model), positional(arguments["state_dict"])]
    )


def convert_parameters(node: libcst.Call, ctx: HookContext) -> libcst.Call:
    """`model.parameters()` becomes the values of the `flax.nnx.Param` state.

    The spec's `.values()` gives nested states for a module with submodules; `nnx` asks JAX
    for the leaves.
    """
    model = receiver(node, "parameters")
    if model is None or node.args:
        return node
    state = call(
        ctx.name("flax.nnx.state"), [positional(model), positional(ctx.name("flax.nnx.Param"))]
    )
    if ctx.dialect == "switcheroo":
        return call(libcst.Attribute(state, libcst.Name("values")), [])
    return call(ctx.name("jax.tree.leaves"), [positional(state)])
