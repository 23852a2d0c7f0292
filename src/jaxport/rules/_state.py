"""What becomes of a `state_dict()`: the loads it feeds are rewritten with it or not at all.

torch's dictionary has flat, dotted names, Flax's is nested; `nnx.update` takes unknown names
without a word. So a load is right only where the dictionary is known to come from Flax.
"""

from __future__ import annotations

import ast

from jaxport.records import field, record
from jaxport.rules import File
from jaxport.rules._registration import named_value
from jaxport.semantics import flow
from jaxport.semantics.values import Evidence, Instance, Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jaxport.findings import Applicability


@record
class StateFlow:
    """One `state_dict()` call with the loads that read it, and how sure a rewrite is."""

    call: ast.Call
    loads: list[ast.Call] = field(default_factory=list)
    applicability: Applicability = "safe"
    reason: str = ""
    doubt: str = ""

    @property
    def group(self) -> str:
        return f"state {self.call.lineno}:{self.call.col_offset}" if self.loads else ""

    @property
    def size(self) -> int:
        return 1 + len(self.loads)

    def unsure(self, doubt: str) -> None:
        self.applicability, self.doubt = "unsafe", self.doubt or doubt


def follow(file: File, call: ast.Call) -> StateFlow:
    """Where the dictionary that the `state_dict()` call makes goes to."""
    state = StateFlow(call)
    assert isinstance(call.func, ast.Attribute)
    if is_super(call.func.value):
        state.reason = "`super()` is no module that Flax could read"
    elif call.args or call.keywords:
        state.reason = "its arguments have no counterpart in Flax"
    evidence = file.model.role(call.func.value, "module")
    if evidence is not Evidence.PROOF:
        state.unsure("that it is a module is a guess")
    _follow(file, call, state)
    return state


def _follow(file: File, node: ast.expr, state: StateFlow) -> None:
    model = file.model
    for use in flow.uses(model, node):
        parent = file.parent(use)
        if use is not node and not flow.nothing_happens_between(model, node, use):
            state.unsure("torch's dictionary follows the model as it trains, Flax's is a copy")
        if isinstance(parent, ast.Call) and flow.is_copy(model, parent):
            _follow(file, parent, state)
        elif _is_load(file, parent, use):
            assert isinstance(parent, ast.Call)
            assert isinstance(parent.func, ast.Attribute)
            assert isinstance(state.call.func, ast.Attribute)
            state.loads.append(parent)
            state.reason = state.reason or why_load_stays(file, parent)
            _compare(file, state, state.call.func.value, parent.func.value)
        elif isinstance(parent, (ast.Subscript, ast.Attribute, ast.Compare)) or (
            isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is use
        ):
            state.reason = state.reason or (
                f"its entries are read in line {use.lineno}, and Flax names and nests them "
                "differently"
            )
        else:
            state.unsure("what reads it must expect Flax's nested names")


def is_super(node: ast.expr) -> bool:
    """Whether `node` is `super()`, which only looks up methods."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"


def _is_load(file: File, parent: ast.AST, use: ast.expr) -> bool:
    return (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Attribute)
        and parent.func.attr == "load_state_dict"
        and parent.args[:1] == [use]
        and file.model.role(parent.func.value, "module") is not None
    )


def _compare(file: File, state: StateFlow, source: ast.expr, target: ast.expr) -> None:
    if ast.dump(source) == ast.dump(target):
        return
    one, other = _classes(file.model.infer(source)), _classes(file.model.infer(target))
    if not one or not other:
        state.unsure("that both are of one class can't be seen")
    elif one != other:
        state.reason = state.reason or "it is loaded into a module of another class"


def _classes(values: Values) -> frozenset[object]:
    return frozenset(value.of for value in values if isinstance(value, Instance))


def why_load_stays(file: File, call: ast.Call) -> str:
    """Why this `load_state_dict` can't be an `nnx.update`, apart from where its state is from."""
    assert isinstance(call.func, ast.Attribute)
    if is_super(call.func.value):
        return "`super()` is no module that Flax could write to"
    given = named_value(call, ("state_dict", "strict", "assign"))
    if isinstance(given, str):
        return given
    if not call.args:
        return "it needs the dictionary as its first argument"
    strict = given.get("strict")
    if strict is not None and not (isinstance(strict, ast.Constant) and strict.value is True):
        return "`nnx.update` can't skip the names that do not fit (strict=False)"
    if "assign" in given:
        return "`nnx.update` has no `assign`"
    if not file.is_statement(call):
        return "its result is used, and `nnx.update` returns None"
    return ""
