"""The hooks on their own: the spec's examples in, the spec's forms out, letter for letter."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import libcst
import pytest

from jaxport import hooks
from jaxport.hooks import EscapeHatch, HookContext

Hook = Callable[[libcst.Call, HookContext], object]
SPEC: list[tuple[Hook, str, str]] = [
    (
        hooks.convert_register_buffer,
        'self.register_buffer("name", t)',
        'setattr(self, "name", flax.nnx.BatchStat(t))',
    ),
    (
        hooks.convert_register_parameter,
        'self.register_parameter("name", p)',
        'setattr(self, "name", flax.nnx.Param(p))',
    ),
    (hooks.convert_state_dict, "model.state_dict()", "flax.nnx.state(model).to_pure_dict()"),
    (hooks.convert_load_state_dict, "model.load_state_dict(sd)", "flax.nnx.update(model, sd)"),
    (
        hooks.convert_parameters,
        "model.parameters()",
        "flax.nnx.state(model, flax.nnx.Param).values()",
    ),
    (
        hooks.transform_optimizer_init,
        "torch.optim.Adam(model.parameters(), lr=0.01)",
        "optax.adam(learning_rate=0.01)",
    ),
    (
        hooks.transform_optimizer_step,
        "optimizer.step()",
        "updates, opt_state = optimizer.update(grads, opt_state, params)\n"
        "params = optax.apply_updates(params, updates)\n",
    ),
    (hooks.strip_zero_grad, "optimizer.zero_grad()", "pass"),
    (
        hooks.transform_batch_norm,
        "self.bn1(x)",
        "self.bn1(x, use_running_average=not training, mutable=['batch_stats'])[0]",
    ),
]
NNX = {
    "convert_state_dict": "flax.nnx.to_pure_dict(flax.nnx.state(model))",
    "convert_parameters": "jax.tree.leaves(flax.nnx.state(model, flax.nnx.Param))",
    "transform_batch_norm": "self.bn1(x, use_running_average=not training)",
}


def parsed(text: str) -> libcst.Call:
    node = libcst.parse_expression(text)
    assert isinstance(node, libcst.Call)
    return node


def code(node: object) -> str:
    nodes = list(node) if isinstance(node, libcst.FlattenSentinel) else [node]
    module = libcst.Module([])
    return "".join(module.code_for_node(item) for item in nodes if isinstance(item, libcst.CSTNode))


def label(item: Hook | str) -> str:
    return str(getattr(item, "__name__", item))[:40]


@pytest.mark.parametrize(("hook", "before", "after"), SPEC, ids=label)
def test_switcheroo_is_the_spec_to_the_letter(hook: Hook, before: str, after: str) -> None:
    assert code(hook(parsed(before), HookContext(dialect="switcheroo"))) == after


@pytest.mark.parametrize(("hook", "before", "after"), SPEC, ids=label)
def test_nnx_differs_in_three_places_only(hook: Hook, before: str, after: str) -> None:
    expected = NNX.get(hook.__name__, after)
    assert code(hook(parsed(before), HookContext())) == expected


def test_the_signatures_are_the_specs() -> None:
    for name in hooks.__all__:
        if name[0].islower():
            assert list(inspect.signature(getattr(hooks, name)).parameters) == ["node", "ctx"]


@pytest.mark.parametrize("hook", [hook for hook, _, _ in SPEC], ids=lambda hook: hook.__name__)
@pytest.mark.parametrize("other", ["f(*args)", "f(**options)", "f()()", "a.b.c(1, 2, 3, 4)"])
def test_a_node_that_does_not_fit_comes_back_unchanged(hook: Hook, other: str) -> None:
    node = parsed(other)
    assert hook(node, HookContext()) is node


def test_the_files_own_names_are_used() -> None:
    context = HookContext(names={"flax.nnx": "nnx", "optax": "ox"})
    assert code(hooks.convert_state_dict(parsed("m.state_dict()"), context)) == (
        "nnx.to_pure_dict(nnx.state(m))"
    )
    made = hooks.transform_optimizer_init(
        parsed("optim.SGD(m.parameters(), 1, weight_decay=w)"), context
    )
    assert code(made) == "ox.chain(ox.add_decayed_weights(w), ox.sgd(learning_rate=1))"


def test_a_step_without_its_variables_stays_under_a_comment() -> None:
    node = parsed("optimizer.step()")
    for context in (
        HookContext(bound=frozenset({"grads"})),
        HookContext(escape="no `grads`, `opt_state` and `params` here"),
    ):
        assert code(hooks.transform_optimizer_step(node, context)) == (
            "# jaxport: JXP202 not ported: no `grads`, `opt_state` and `params` here\n"
            "optimizer.step()\n"
        )
    assert code(EscapeHatch.mark(node, "JXP202", "why")).startswith("# jaxport: JXP202")
