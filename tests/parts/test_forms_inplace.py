"""The new values of methods that change a tensor are what the tensor holds in torch afterwards."""

from __future__ import annotations

import itertools

import pytest
from forms_harness import accepted, check, port_expression, unused

_NAMES = (
    "add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "floor_divide",
    "remainder", "fmod", "eq", "ne", "not_equal", "lt", "less", "le", "less_equal", "gt", "greater",
    "ge", "greater_equal",
)  # fmt: skip
_OPERANDS = ("x.{}_(2)", "x.{}_(0.5)", "x.{}_(y)", "x.{}_(v)", "h.{}_(m)", "i.{}_(j)", "i.{}_(2)")

SNIPPETS = [
    source
    for name, operands in itertools.product(_NAMES, _OPERANDS)
    if accepted(source := operands.format(name))
]
SNIPPETS += [
    "x.add_(y, alpha=0.5)", "x.add_(1, alpha=2)", "h.add_(m, alpha=2)", "x.sub_(y, alpha=2)",
    "i.sub_(j, alpha=3)", "x.subtract_(y, alpha=0.1)", "pos.pow_(0.5)", "x.pow_(2)", "i.pow_(2)",
    "pos.pow_(y)", "h.pow_(bm + 1)", "x.div_(y, rounding_mode='floor')",
    "i.div_(j, rounding_mode='floor')", "x.divide_(2, rounding_mode='trunc')",
    "i.div_(-3, rounding_mode='trunc')", "x.logical_and_(y)", "i.logical_or_(j)",
    "b.logical_xor_(x > 0)", "x.logical_not_()", "i.logical_not_()", "b.logical_not_()",
    "i.bitwise_and_(j)", "b.bitwise_or_(x > 0)", "i.bitwise_xor_(3)", "x.clamp_(0, 1)",
    "x.clamp_(min=-0.5)", "i.clip_(max=2)", "x.clamp_(min=y)", "h.clip_(m, m + 1)",
    "x.clamp_min_(0)", "i.clamp_max_(2)", "x.addcmul_(y, z)", "x.addcmul_(y, z, value=0.5)",
    "h.addcmul_(m, m2)", "x.addcdiv_(y, pos)", "x.addcdiv_(y, pos, value=-0.1)", "x.zero_()",
    "i.zero_()", "b.zero_()", "x.fill_(2)", "i.fill_(2.7)", "b.fill_(1)", "h.fill_(s)",
    "x.copy_(y)", "x.copy_(v)", "x.copy_(i)", "i.copy_(x * 10)", "h.copy_(m)", "b.copy_(i)",
    "x.copy_(y, non_blocking=True)", "x.mul_(0.9).add_(y, alpha=0.1)", "x.mul_(2).add_(y)",
    "x.mul_(0.9).sub_(y, alpha=0.1)", "h.mul_(0.9).addcmul_(m, m, value=0.1)",
    "x.mul_(0.5).addcdiv_(y, pos, value=-0.1)", "x.mul_(2).addcmul_(y, z)",
    "x.mul_(2).addcdiv_(y, pos)", "x.add_(1).mul_(y)", "h.add_(1).multiply_(m)",
    "x.add_(1).div_(pos)", "h.add_(1).div_(m)",
]  # fmt: skip


@pytest.mark.parametrize("source", SNIPPETS)
def test_as_torch(source: str) -> None:
    check(source, SNIPPETS)


def test_every_form_is_run() -> None:
    assert unused("inplace", SNIPPETS) == []


def test_idiom() -> None:
    assert port_expression("x.mul_(0.9)") == "x * 0.9"
    assert port_expression("x.add_(y)") == "(x + y).astype(x.dtype)"
    assert port_expression("x.mul_(0.9).add_(y, alpha=0.1)") == "plus(x * 0.9, 0.1 * y)"
