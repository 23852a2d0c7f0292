"""JXP102: `register_parameter`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jaxport.findings import Finding
from jaxport.rules import Example, File, Rule, method
from jaxport.rules._conversion import ported
from jaxport.rules._registration import named_value, registrations, why_not_plain
from jaxport.semantics import flow
from jaxport.semantics.values import Literal


def _check(file: File) -> Iterator[Finding]:
    if file.porting:
        return ported("JXP102")(file)
    return registrations(file, "JXP102", "register_parameter", "Param", _reason)


def _reason(file: File, call: ast.Call) -> tuple[str, str]:
    """Why the call stays, and why a rewrite is a guess."""
    given = named_value(call, ("name", "param"))
    if isinstance(given, str):
        return given, ""
    if "name" not in given or "param" not in given:
        return "it needs a name and a parameter", ""
    if Literal("NoneType") in file.model.infer(given["param"]):
        return "`Param(None)` is not None, and code that asks for None would not see it", ""
    made = flow.origin(file.model, given["param"])
    if isinstance(made, ast.Call):
        for value in [*made.args[1:], *(keyword.value for keyword in made.keywords
                                         if keyword.arg in ("requires_grad", None))]:
            if not (isinstance(value, ast.Constant) and value.value is True):
                return "it may not require a gradient, and every `Param` is trained", ""
    return why_not_plain(file, call, given["name"])


_HEAD = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, p):\n"

RULES = (
    Rule(
        code="JXP102",
        name="register-parameter",
        summary="A parameter that a torch module registers by name.",
        why="Flax NNX tells what is trained by the type of the Variable: `Param`.",
        fix_safety="Left as it is where the parameter may be None, does not require a gradient, "
        "or is assigned or changed in place later.",
        check=_check,
        triggers=(method("register_parameter"),),
        examples=(
            Example(
                _HEAD + '        self.register_parameter("n", p)\n',
                "import flax.nnx\n" + _HEAD + '        setattr(self, "n", flax.nnx.Param(p))\n',
                "import flax.nnx\n" + _HEAD + '        setattr(self, "n", flax.nnx.Param(p))\n',
            ),
            Example(_HEAD + '        self.register_parameter("n", None)\n'),
            Example(
                _HEAD
                + '        self.register_parameter("n", nn.Parameter(p, requires_grad=False))\n'
            ),
        ),
        accepts=("registry.register_parameter('n', 3)\n",),
    ),
)
