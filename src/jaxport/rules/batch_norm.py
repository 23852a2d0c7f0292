"""JXP301: the call of a batch norm layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Edition, Example, File, Rule, Trigger
from jaxport.rules._registration import named_value
from jaxport.semantics.values import Evidence, External, Instance, Literal, Value, Values
from jaxport.tables import torch_names

_ARGUMENTS = (
    "num_features", "eps", "momentum", "affine", "track_running_stats", "process_group", "device",
    "dtype", "bias",
)  # fmt: skip
# What Python's own types, tensors and modules have.
_METHODS = torch_names.TENSOR_METHODS | torch_names.SELF_METHODS | {
    name for kind in (str, bytes, list, dict, set, Exception) for name in dir(kind)
}
_NONE: Values = frozenset([Literal("NoneType")])


def _check(file: File) -> Iterator[Finding]:
    from jaxport.semantics.batch_norms import batch_norm  # what most files need not load

    own = {name for info in file.model.walk.classes.values() for name in info.attributes}
    for call in file.model.walk.calls:
        if not isinstance(call.func, (ast.Attribute, ast.Name, ast.Subscript, ast.Call)):
            continue
        if _is_special(call.func, own) or file.model.is_defined_elsewhere(call.func):
            continue
        values = file.model.infer(call.func)
        evidence = batch_norm(file.model, call.func)
        if evidence is None or any(k.arg == "use_running_average" for k in call.keywords):
            continue
        message = "batch norm takes its mode from `use_running_average` in Flax"
        reason = _reason(file, call, values, evidence)
        doubt = _doubt(file, call, evidence, values)
        if reason or doubt is None:
            reason = reason or (
                "`training` is not bound here; `train()` and `eval()` set the mode, as in torch"
            )
            yield file.leave("JXP301", call, message, reason)
            continue
        edition = Edition(
            "transform_batch_norm", doubt or "Pass the mode to the layer",
            applicability="unsafe" if doubt else "safe", bound=frozenset({"training"}),
        )  # fmt: skip
        yield file.report("JXP301", call, message, edition)


def _is_special(func: ast.expr, own: set[str]) -> bool:
    """Whether `func` is a method such as `__init__` or `append`, which no layer is assigned to.

    Unless one of the `own` attributes of the file's classes has that name.
    """
    if not isinstance(func, ast.Attribute):
        return False
    return func.attr.startswith("__") or (func.attr in _METHODS and func.attr not in own)


def _reason(file: File, call: ast.Call, values: Values, evidence: Evidence) -> str:
    if len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred):
        return "it is not called with one input"
    if not values or not all(
        isinstance(value, Instance) and isinstance(value.of, External)
        and value.of.name in torch_names.BATCH_NORMS
        for value in values
    ):
        return "it is not always a plain batch norm"
    for value in values:
        made = value.call if isinstance(value, Instance) else None
        given = named_value(made, _ARGUMENTS) if made is not None else {}
        if isinstance(given, str):
            return f"it is made with arguments that can't be told: {given}"
        track = given.get("track_running_stats")
        if track is not None and not (isinstance(track, ast.Constant) and track.value is True):
            return "it may keep no running statistics"
        momentum = given.get("momentum")
        if momentum is not None and _NONE & file.model.infer(momentum):
            return "its momentum may be a cumulative average"
    text = ast.unparse(call.func)
    for method in ("eval", "train"):
        for _, receiver in file.calls_of(method):
            if ast.unparse(receiver) == text:
                return f"`{text}.{method}()` sets its mode apart from the model's"
    return ""


def _doubt(file: File, call: ast.Call, evidence: Evidence, values: Values) -> str | None:
    """Why a rewrite is a guess; empty where it is proven, None where there can't be one."""
    proven = evidence is Evidence.PROOF and all(_is_spelled_out(file, value) for value in values)
    guess = "" if proven else "that it is a batch norm is a guess"
    if file.dialect == "switcheroo":
        return guess
    bindings = file.model.lookup(call, "training")
    if not bindings:
        return None
    follows = all(
        binding.kind == "value" and ast.unparse(binding.node) == "self.training"
        for binding in bindings
    )
    if not follows:
        return "torch's batch norm follows `self.training`, and `training` may be something else"
    return guess


def _is_spelled_out(file: File, value: Value) -> bool:
    """Whether the class stands where the layer is made: a caller elsewhere can't give another."""
    made = value.call if isinstance(value, Instance) else None
    if made not in file.model.walk.where:
        return False
    head = made.func
    while isinstance(head, ast.Attribute):
        head = head.value
    bindings = file.model.lookup(head, head.id) if isinstance(head, ast.Name) else []
    return bool(bindings) and all(binding.kind == "import" for binding in bindings)


def _net(body: str, head: str = "") -> str:
    return (
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.bn1 = nn.BatchNorm2d(3)\n\n"
        f"    def forward(self, x):\n{head}        return {body}\n"
    )


def _given(kind: str) -> str:
    return (
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, kind=None):\n"
        "        super().__init__()\n        self.norm = kind(3)\n\n"
        f"    def forward(self, x):\n        return self.norm(x)\n\n\nnet = Net({kind})\n"
    )


_BOUND = "        training = self.training\n"
_SPEC = "self.bn1(x, use_running_average=not training, mutable=['batch_stats'])[0]"

RULES = (
    Rule(
        code="JXP301",
        name="batch-norm-call",
        summary="A batch norm layer of torch that is called.",
        why="Flax's batch norm takes its mode with the call or from `train()` and `eval()`. "
        "The spec's form with `mutable` raises TypeError on NNX, so `nnx` leaves it out.",
        fix_safety="Safe in `nnx` where `training` is bound to `self.training`; unsafe where it is "
        "something else of the same name. Else the call stays: `train()` and `eval()` of NNX rule "
        "it. They do not set `self.training`; if you keep one, call `model.eval(training=False)`. "
        "Flax keeps the biased running variance, torch the unbiased one.",
        check=_check,
        triggers=(
            Trigger("BatchNorm"), Trigger("_NormBase"), Trigger("bn", (r"bn(?<=[._]bn)",)),
            Trigger("batchnorm"), Trigger("batch_norm"),
        ),
        by_alias=True,
        of_torch=True,
        examples=(
            Example(
                _net("self.bn1(x)", _BOUND),
                _net("self.bn1(x, use_running_average=not training)", _BOUND),
                _net(_SPEC, _BOUND),
            ),
            Example(_net("self.bn1(x)"), None, _net(_SPEC)),
            Example(_given("nn.BatchNorm2d"), None, None),
        ),
        accepts=(
            "import torch\n\n\ndef f(bn, x):\n    return bn(x)\n",
            _net("self.bn1(x, use_running_average=not training)", _BOUND),
            _given("nn.LayerNorm"),
        ),
    ),
)
