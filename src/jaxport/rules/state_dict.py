"""JXP103: `state_dict`."""

from __future__ import annotations

from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Edition, Example, File, Rule, method
from jaxport.rules._state import follow


def _check(file: File) -> Iterator[Finding]:
    for call, receiver in file.calls_of("state_dict"):
        if file.model.role(receiver, "module") is None:
            continue
        message = "`state_dict` of a module is `flax.nnx.state` in Flax NNX"
        state = follow(file, call)
        if state.reason:
            yield file.leave("JXP103", call, message, state.reason)
            continue
        edition = Edition(
            "convert_state_dict", state.doubt or "Read the state as a pure dictionary",
            ("flax.nnx",), state.applicability, group=state.group, group_size=state.size,
        )  # fmt: skip
        yield file.report("JXP103", call, message, edition)


_NET = "from torch import nn\n\nmodel = nn.Linear(2, 2)\n"

RULES = (
    Rule(
        code="JXP103",
        name="state-dict",
        summary="The state of a torch module as a dictionary.",
        why="Flax NNX keeps the state of a module in a nested `State`; `to_pure_dict` gives its "
        "arrays as plain dictionaries.",
        fix_safety="Unsafe where the dictionary goes somewhere that the file does not show, or is "
        "read after the model may have changed: torch's follows the model, Flax's is a copy. "
        "Left as it is where entries are read by name, or arguments are given.",
        check=_check,
        triggers=(method("state_dict"),),
        examples=(
            Example(
                _NET + "state = model.state_dict()\n",
                "import flax.nnx\n" + _NET
                + "state = flax.nnx.to_pure_dict(flax.nnx.state(model))\n",
                "import flax.nnx\n" + _NET + "state = flax.nnx.state(model).to_pure_dict()\n",
            ),
            Example(_NET + 'weight = model.state_dict()["weight"]\n'),
        ),
        accepts=(
            "import torch\n\noptimizer = torch.optim.SGD([], lr=1)\noptimizer.state_dict()\n",
        ),
    ),
)
