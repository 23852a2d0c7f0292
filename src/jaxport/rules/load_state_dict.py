"""JXP104: `load_state_dict`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Edition, Example, File, Rule, method, weakest
from jaxport.rules._state import follow, why_load_stays
from jaxport.semantics import flow
from jaxport.semantics.values import Result

_FLAX = frozenset({"flax.nnx.to_pure_dict", "flax.nnx.state"})


def _check(file: File) -> Iterator[Finding]:
    for call, receiver in file.calls_of("load_state_dict"):
        evidence = file.model.role(receiver, "module")
        if evidence is None:
            continue
        message = "`load_state_dict` of a module is `flax.nnx.update` in Flax NNX"
        verdict = _edition(file, call)
        if isinstance(verdict, str):
            yield file.leave("JXP104", call, message, verdict)
            continue
        if weakest(evidence) == "unsafe" and verdict.applicability == "safe":
            verdict = _unsafe("that it is a module is a guess")
        yield file.report("JXP104", call, message, verdict)


def _edition(file: File, call: ast.Call) -> Edition | str:
    reason = why_load_stays(file, call)
    if reason:
        return reason
    model = file.model
    made = flow.origin(model, call.args[0])
    if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
        if made.func.attr == "state_dict" and model.role(made.func.value, "module"):
            state = follow(file, made)
            if state.reason:
                return f"the state it loads stays torch's: {state.reason}"
            return Edition(
                "convert_load_state_dict", state.doubt or "Write the state into the module",
                ("flax.nnx",), state.applicability, group=state.group, group_size=state.size,
            )  # fmt: skip
        if made.func.attr == "to_pure_dict":
            return Edition(
                "convert_load_state_dict", "Write the state into the module", ("flax.nnx",)
            )
    names = {value.name for value in model.infer(made) if isinstance(value, Result)}
    if names & _FLAX:
        return Edition("convert_load_state_dict", "Write the state into the module", ("flax.nnx",))
    for node in ast.walk(made):
        source = flow.origin(model, node) if isinstance(node, ast.Name) else node
        if not isinstance(source, ast.Call):
            continue
        loader = model.qualified(source.func) or str(getattr(source.func, "attr", ""))
        last = loader.rsplit(".", 1)[-1]
        if "load" in last or "state_dict" in last:
            return (
                "a torch checkpoint has other names and layouts, and `nnx.update` would take "
                "them without a word"
            )
    return _unsafe("`nnx.update` takes names that do not fit without a word")


def _unsafe(doubt: str) -> Edition:
    return Edition("convert_load_state_dict", doubt, ("flax.nnx",), "unsafe")


_NET = "from torch import nn\n\n{}a = nn.Linear(2, 2)\nb = nn.Linear(2, 2)\n"

RULES = (
    Rule(
        code="JXP104",
        name="load-state-dict",
        summary="A state dictionary loaded into a torch module.",
        why="`flax.nnx.update` writes a state into a module. It checks nothing: names that the "
        "module has not are kept as junk, so a torch checkpoint would load and change nothing.",
        fix_safety="Safe only where the dictionary is seen to come from a module of the same "
        "class; then both calls are rewritten together. Unsafe where its origin is unknown. Left "
        "as it is for checkpoints, `strict=False`, and where the result is used.",
        check=_check,
        triggers=(method("load_state_dict"),),
        examples=(
            Example(
                _NET.format("") + "b.load_state_dict(a.state_dict())\n",
                "import flax.nnx\n" + _NET.format("")
                + "flax.nnx.update(b, flax.nnx.to_pure_dict(flax.nnx.state(a)))\n",
                "import flax.nnx\n" + _NET.format("")
                + "flax.nnx.update(b, flax.nnx.state(a).to_pure_dict())\n",
            ),
            Example(
                'import torch\nfrom torch import nn\n\na = nn.Linear(2, 2)\n'
                'a.load_state_dict(torch.load("a.pt"))\n'
            ),
            Example(_NET.format("") + "print(b.load_state_dict(a.state_dict()))\n"),
        ),
        accepts=(
            "from torch.optim.lr_scheduler import StepLR\n\n\ndef f(scheduler: StepLR, state):\n"
            "    scheduler.load_state_dict(state)\n",
        ),
    ),
)
